/** Runs the counting topology on a data directory, and ends its own process by SIGKILL after a commit step. */
import { writeSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import counting from './test-support/counting.ts'
import { testRuntime } from './test-support/harness.ts'

const [directory, crashStepText, commitsBeforeText] = process.argv.slice(2)
const crashStep = Number(crashStepText)
let commitsLeft = Number(commitsBeforeText)

const storage = await openStorage({ directory: directory ?? '', clock: systemClock })
const runtime = testRuntime([counting], storage, {
  limits: { defaultPartitionCount: 2, batchRecordsMax: 40, turnRecordsMax: 20 },
  onCommitStep: (step) => {
    if (step === 1) commitsLeft -= 1
    if (step === crashStep && commitsLeft <= 0) process.kill(process.pid, 'SIGKILL')
  },
})
void runtime.failed.then((failure) => {
  writeSync(2, `${String(failure)}\n`)
  process.exit(1)
})
await runtime.start()
await runtime.whenIdle()
await runtime.stop()
await storage.close()
