import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { isAlive } from '../../tools/kafka/file-lock.ts'
import { until } from '../../tools/kafka/cluster-view.ts'
import type { KafkaBroker } from '../../tools/kafka/start-kafka.ts'
import { clusterForTests, kafkaTest } from './support/kafka-for-tests.ts'

const run = promisify(execFile)
const waitMs = 60_000

void test('three brokers elect a new controller when theirs is killed, and take it back', async (t) => {
  const cluster = await clusterForTests(t, { brokers: 3 })
  if (cluster === undefined) return
  assert.equal(new Set(cluster.servers).size, 3)
  const first = await cluster.controllerOf()
  await first.kill()
  assert.equal(first.pid, undefined)
  await until('another controller leads', waitMs, async () =>
    (await cluster.controllerOf()).id === first.id ? undefined : true,
  )
  await first.start()
  assert.ok(isAlive(pidOf(first)))
  const coordinator = await cluster.coordinatorOf('transaction', 'some-id')
  coordinator.pause()
  coordinator.resume()
  await coordinator.stop()
  assert.equal(coordinator.pid, undefined)
})

kafkaTest('a broker ends with its process, even one that is killed', async () => {
  const module = new URL('../../tools/kafka/start-kafka.ts', import.meta.url).href
  const program = `
    import { startKafka } from ${JSON.stringify(module)}
    const kafka = await startKafka()
    kafka.brokers[0].pause()
    console.log(JSON.stringify(kafka.brokers[0].pid))
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const pid = Number(line)
  assert.ok(isAlive(pid))
  const folder = (await brokerFolder(pid)) ?? ''
  assert.ok(existsSync(folder))
  child.kill('SIGKILL')
  await until('the broker is gone', waitMs, async () => (isAlive(pid) ? undefined : true))
  await until('its folder is gone', waitMs, async () => (existsSync(folder) ? undefined : true))
})

function pidOf({ pid }: KafkaBroker): number {
  assert.ok(pid !== undefined)
  return pid
}

async function brokerFolder(pid: number): Promise<string | undefined> {
  const { stdout } = await run('ps', ['-o', 'args=', '-p', String(pid)])
  return / (\/\S+)\/broker-1\/server\.properties/.exec(stdout)?.[1]
}
