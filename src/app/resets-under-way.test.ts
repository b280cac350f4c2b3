import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import counting from '../runtime/test-support/counting.ts'
import { loadConfiguration } from './configuration.ts'
import { checkStart } from './check-start.ts'
import type { Foundation } from './foundation.ts'
import { keepManifests } from './topology-changes.ts'
import { ownMetaRecords } from './meta-records.ts'
import { ownResetPlan } from './reset.ts'
import { carryOutReset } from '../jobs/reset.ts'

const clock = new ManualClock(Date.UTC(2026, 2, 1))

async function place(context: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-reset-'))
  const storage = await openMemoryStorage({ clock })
  context.after(async () => {
    await storage.close()
    await rm(dataDir, { recursive: true })
  })
  const meta = ownMetaRecords(dataDir)
  const foundation = { ...storage, meta, admin: null, member: null } as unknown as Foundation
  const start = async () => {
    const configuration = loadConfiguration({ flags: {}, environment: {}, directory: dataDir })
    await keepManifests(meta, await checkStart(configuration, foundation, [counting], clock))
  }
  const plan = () => {
    const loaded = { graph: counting, factTables: [], moduleUrl: '' }
    const position = { kind: 'earliest' } as const
    const asked = { position, withFacts: false, force: false, partitions: 2, clock }
    return ownResetPlan(foundation, [loaded], asked)
  }
  return { start, plan }
}

test('wherever a reset is cut off, no start is let in before it has run again to its end', async (context) => {
  const { start, plan } = await place(context)
  await start()
  const { steps } = await plan()
  const begins = steps.findIndex(({ what }) => what.startsWith('note that a reset has begun'))
  assert.ok(begins >= 0 && steps.length > begins + 3)
  for (let cut = 0; cut < steps.length; cut += 1) {
    for (const step of (await plan()).steps.slice(0, cut)) await step.run()
    if (cut <= begins) await start()
    else {
      await assert.rejects(start(), {
        code: 'RESET_UNFINISHED',
        message: /: counting, since 2026-03-01T00:00:00\.000Z\. .*tidemark reset/,
      })
    }
    await carryOutReset(await plan(), () => {})
    await start()
  }
})
