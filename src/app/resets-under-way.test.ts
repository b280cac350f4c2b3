import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { carryOutReset } from '../jobs/reset.ts'
import counting from '../runtime/test-support/counting.ts'
import { startPlace } from './start-place.test-support.ts'

const clock = new ManualClock(Date.UTC(2026, 2, 1))

test('wherever a reset is cut off, no start is let in before it has run again to its end', async (context) => {
  const place = await startPlace(context, clock)
  const start = () => place.start(counting)
  const plan = () => place.resetPlan(counting)
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
