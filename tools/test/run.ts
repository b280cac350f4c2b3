/**
 * `npm test`: every *.test.ts, each file in a process of its own.
 *
 *   node tools/test/run.ts [--unit | --kafka] [--concurrency N] [WORD…]
 *
 * WORD: part of a path; files with any of them run. --kafka: only the tests on Kafka, which share one broker.
 */
import { glob } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startSharedKafka } from '../kafka/shared-kafka.ts'
import { fileLine, isGood, summary } from './report.ts'
import { runFile, stopAll, type FileLimits, type FileRun } from './run-file.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const testFiles = '{src,test,topologies,tools,bench}/**/*.test.ts'

/** Whole pipelines, crashes and real data: longer than a test beside its file may take, and one after another,
 * since they want the machine for themselves. */
const kafkaFolder = 'test/kafka/'
const slowFolders = ['test/integration/', 'test/golden/', 'test/simulation/', kafkaFolder]
const unitLimits: FileLimits = { testTimeoutMs: 120_000, fileTimeoutMs: 300_000 }
const slowLimits: FileLimits = { testTimeoutMs: 1_200_000, fileTimeoutMs: 1_500_000 }

const { values, positionals } = parseArgs({
  options: {
    unit: { type: 'boolean', default: false },
    kafka: { type: 'boolean', default: false },
    concurrency: { type: 'string' },
  },
  allowPositionals: true,
})
const concurrency = Number(values.concurrency ?? Math.min(2, availableParallelism()))

const paths = (await Array.fromAsync(glob(testFiles, { cwd: root })))
  .filter((path) => !values.kafka || path.startsWith(kafkaFolder))
  .filter((path) => positionals.length === 0 || positionals.some((word) => path.includes(word)))
  .sort()
const slowPaths = paths.filter(isSlow)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopAll()
    process.exit(1)
  })
}
const runs: FileRun[] = []
await runAll(
  paths.filter((path) => !isSlow(path)),
  unitLimits,
  concurrency,
)
if (!values.unit) await runSlow()
console.log(summary(runs).join('\n'))
process.exitCode = isGood(runs) ? 0 : 1

function isSlow(path: string): boolean {
  return slowFolders.some((folder) => path.startsWith(folder))
}

async function runSlow(): Promise<void> {
  const onKafka = slowPaths.filter((path) => path.startsWith(kafkaFolder))
  await runAll(
    slowPaths.filter((path) => !onKafka.includes(path)),
    slowLimits,
    1,
  )
  if (onKafka.length === 0) return
  const kafka = await startSharedKafka()
  await runAll(onKafka, slowLimits, 1)
  await kafka.close()
}

async function runAll(queue: string[], limits: FileLimits, atOnce: number): Promise<void> {
  const lanes = Array.from({ length: atOnce }, async () => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const fileRun = await runFile(root, path, limits)
      runs.push(fileRun)
      console.log(fileLine(fileRun))
    }
  })
  await Promise.all(lanes)
}
