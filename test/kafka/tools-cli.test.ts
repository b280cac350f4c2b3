/** `npm run kafka`: brokers for a developer. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { keeperState } from '../../tools/kafka/keeper-state.ts'
import { kafkaForTests, kafkaTest } from './support/kafka-for-tests.ts'

const program = fileURLToPath(new URL('../../tools/kafka/run.ts', import.meta.url))

function kafka(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

void test('wrong commands are refused with the usage, and help is given', () => {
  const wrong = [['fly'], ['kill'], ['kill', '4'], ['start', '--brokers', '2'], ['stop', 'now']]
  for (const args of [...wrong, ['start', '--port', 'x'], ['--unknown']]) {
    const { status, stderr } = kafka(...args)
    assert.equal(status, 2, args.join(' '))
    assert.match(stderr, /npm run kafka -- start/)
  }
  assert.equal(kafka('--help').status, 0)
})

void test('brokers start, are failed one by one, and stop', async (t) => {
  // Whether Kafka can run here at all.
  if ((await kafkaForTests(t)) === undefined) return
  if ((await keeperState()) !== undefined) {
    t.skip('a developer has brokers running, which this test would stop')
    return
  }
  const port = String(await freePort())
  t.after(() => kafka('stop'))
  const started = kafka('start', '--port', port)
  assert.equal(started.status, 0, started.stderr)
  assert.match(started.stdout, new RegExp(`KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:${port}\n`))
  assert.match(kafka('start').stderr, /run already/)
  for (const [command, state] of [
    ['pause', 'paused'],
    ['resume', 'running'],
    ['kill', 'stopped'],
    ['restart', 'running'],
  ] as const) {
    const { status, stdout, stderr } = kafka(command, '1')
    assert.equal(status, 0, stderr)
    assert.match(stdout, new RegExp(`broker 1 .*${state}`), command)
  }
  assert.match(kafka('kill', '2').stderr, /no broker 2/)
  assert.equal(kafka('stop').stdout, 'stopped\n')
  assert.match(kafka('status').stderr, /no brokers run/)
})

kafkaTest('a port that is taken is named', async (_, t) => {
  if ((await keeperState()) !== undefined) {
    t.skip('a developer has brokers running')
    return
  }
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    kafka('stop')
  })
  const { port } = server.address() as AddressInfo
  const { status, stderr } = kafka('start', '--port', String(port))
  assert.equal(status, 1)
  assert.match(stderr, new RegExp(`port ${port}.*taken`))
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
