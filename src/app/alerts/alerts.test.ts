/** From what an instance tells to what its channels get, by a clock that is moved by hand. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../core/clock.ts'
import { messageSubject } from './message-text.ts'
import type { AlertCondition } from './alert.ts'
import { AlertFile } from './alert-file.ts'
import { Alerts } from './alerts.ts'
import type { Channel, Delivery } from './channels/channel.ts'
import type { Look } from './rules.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-alerts-'))
after(() => {
  rmSync(directory, { recursive: true })
})

const configuration = {
  pace: { groupWaitMs: 10_000, repeatIntervalMs: 3_600_000 },
  bounds: {
    ...{ awayForMs: 60_000, lagMax: 100, lagForMs: 300_000 },
    ...{ windowMs: 300_000, failuresMax: 0, quarantinedMax: 0 },
  },
}
const failedJob: AlertCondition = {
  ...{ name: 'JobFailed', labels: { job: 'lake.write' }, what: 'no room', mend: 'make room' },
  forMs: 0,
}
let directories = 0

function newDataDir(): string {
  const dataDir = join(directory, String(directories++))
  mkdirSync(dataDir)
  return dataDir
}

/** An instance's alerts over a channel that takes everything, and what an instance would tell of itself. */
function openAlerts(dataDir = newDataDir(), send: () => Promise<Delivery> = taken) {
  const clock = new ManualClock(1_000_000)
  const subjects: string[] = []
  const channel: Channel = {
    name: 'slack',
    target: 'hooks.example.org',
    send: (message) => {
      subjects.push(messageSubject(message).replace('Tidemark here: ', ''))
      return send()
    },
  }
  const file = new AlertFile(dataDir)
  const lines: string[] = []
  const tell = (line: string) => lines.push(line)
  const common = { configuration, clock, instance: 'here', file, tell }
  const alerts = new Alerts({ ...common, channels: [channel] })
  const seen: { outage: string | null; state: 'running' | 'failed' } = {
    outage: null,
    state: 'running',
  }
  const look = (): Look => ({
    status: {
      ...{ state: seen.state, trouble: null, topologies: [], tasks: [], ingest: [], skips: [] },
    },
    ...{ pausedFacts: [], quarantineLag: 0, outage: seen.outage, unreadPartitions: null },
  })
  const pass = async (ms: number) => {
    clock.advance(ms)
    await setImmediate()
  }
  return { alerts, clock, subjects, lines, seen, look, pass, dataDir }
}

function taken(): Promise<Delivery> {
  return Promise.resolve({ isDelivered: true, answer: 'ok' })
}

test('brokers that stay away are told once, again while they are away, and once when they are back', async () => {
  const { alerts, subjects, seen, look, pass } = openAlerts()
  alerts.watch(look)
  seen.outage = 'brokers are away'
  await pass(60_000)
  assert.deepEqual(subjects, [])
  assert.deepEqual(alerts.status().firing, [])
  await pass(60_000)
  assert.deepEqual(subjects, ['[FIRING:1] BrokersAway'])
  assert.deepEqual(
    alerts.status().firing.map(({ name, sinceMs }) => [name, sinceMs]),
    [['BrokersAway', 1_001_000]],
  )
  await pass(3_600_000)
  assert.deepEqual(subjects.splice(0), ['[FIRING:1] BrokersAway', '[FIRING:1] BrokersAway'])
  seen.outage = null
  await pass(60_000)
  assert.deepEqual(subjects, ['[RESOLVED:1] BrokersAway'])
  assert.deepEqual(alerts.status().firing, [])
  await alerts.close()
})

test('a job that failed is told until it succeeds, and an instance that fails tells it at once', async () => {
  const { alerts, subjects, seen, look, pass } = openAlerts()
  alerts.watch(look)
  alerts.standing.raise(failedJob)
  await pass(5_000)
  seen.state = 'failed'
  alerts.tellNow()
  await pass(0)
  assert.deepEqual(subjects, ['[FIRING:2] JobFailed, InstanceFailed'])
  alerts.standing.clear(failedJob)
  await pass(20_000)
  assert.deepEqual(subjects.slice(1), ['[RESOLVED:1] JobFailed'])
  await alerts.close()
})

test('a close tells what was not told yet, and the next process goes on from there', async () => {
  const first = openAlerts()
  first.alerts.watch(first.look)
  first.alerts.standing.raise(failedJob)
  first.seen.state = 'failed'
  await first.alerts.close()
  assert.deepEqual(first.subjects, ['[FIRING:2] InstanceFailed, JobFailed'])
  const second = openAlerts(first.dataDir)
  second.alerts.watch(second.look)
  await second.pass(60_000)
  assert.deepEqual(second.subjects, ['[RESOLVED:1] InstanceFailed'], 'the job has still failed')
  second.alerts.standing.clear(failedJob)
  await second.pass(60_000)
  assert.deepEqual(second.subjects.slice(1), ['[RESOLVED:1] JobFailed'])
  await second.alerts.close()
  assert.deepEqual(readdirSync(first.dataDir), [], 'nothing is kept of what is over')
})

test('what cannot be read of the process before, or be written, keeps nobody from work', async () => {
  const dataDir = newDataDir()
  writeFileSync(join(dataDir, 'alert-state.json'), '{ "layout": 1, "alerts": [')
  const torn = openAlerts(dataDir)
  torn.alerts.watch(torn.look)
  await torn.pass(60_000)
  assert.deepEqual(torn.subjects, [])
  await torn.alerts.close()
  const absent = openAlerts(join(dataDir, 'absent'))
  absent.alerts.watch(absent.look)
  absent.alerts.standing.raise(failedJob)
  await absent.pass(60_000)
  assert.deepEqual(absent.subjects, ['[FIRING:1] JobFailed'])
  await absent.alerts.close()
})

test('a channel that hangs is seen in the status, and keeps a close for no longer than its time', async () => {
  const hanging = openAlerts(newDataDir(), () => new Promise<Delivery>(() => {}))
  const { alerts, look, pass } = hanging
  alerts.watch(look)
  alerts.standing.raise(failedJob)
  await pass(12_000)
  await pass(11_000)
  assert.deepEqual(alerts.status().channels, [
    {
      ...{ name: 'slack', target: 'hooks.example.org', delivered: 0, failed: 0, dropped: 0 },
      ...{ retries: 0, waiting: 1, trouble: 'no answer within 10000 ms' },
    },
  ])
  const closing = alerts.close()
  await pass(2_500)
  await closing
  assert.equal(alerts.status().channels[0]?.dropped, 1)
})

test('a look that fails is told once, and the next one goes on', async () => {
  const { alerts, lines, subjects, look, pass } = openAlerts()
  let isBroken = true
  alerts.watch(() => {
    if (isBroken) throw new Error('no status')
    return look()
  })
  alerts.tellNow()
  await pass(60_000)
  assert.deepEqual(lines, ['alerts: the look failed: no status'])
  isBroken = false
  alerts.standing.raise(failedJob)
  await pass(60_000)
  assert.deepEqual(subjects, ['[FIRING:1] JobFailed'])
  await alerts.close()
})
