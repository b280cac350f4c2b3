/** An instance is killed in mid-commit: nobody waits for the end of its transaction's time. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { systemClock } from '../../src/core/clock.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { readLatest, send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import type { counts, words } from '../../src/runtime/test-support/counting.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import { logOptionsOf, membershipOf } from './take-over-support.ts'
import { clusterOf, hasOpenTransaction } from './transactions-support.ts'

interface NamedCounting {
  readonly default: TopologyGraph
  readonly namedWords: typeof words
  readonly namedCounts: typeof counts
}

const program = fileURLToPath(new URL('take-over.test-child.ts', import.meta.url))
const wordCount = 40

kafkaTest('a survivor goes on from an instance killed in mid-transaction', async (kafka, t) => {
  const url = new URL('../../src/runtime/test-support/named-counting.ts', import.meta.url)
  url.searchParams.set('name', kafka.unique('counting'))
  const { default: topology, namedWords, namedCounts } = (await import(url.href)) as NamedCounting
  const id = kafka.unique('survivor')
  const log = await openKafkaLog(logOptionsOf(kafka.servers, id))
  const { state } = await openMemoryStorage({ clock: systemClock })
  const runtime = testRuntime([topology], { log, state }, { cluster: membershipOf(id, log) })
  const running = () => runtime.status().tasks.filter((task) => task.state === 'RUNNING').length
  await runtime.start()
  await until('the survivor runs all', () => running() === 4)

  const [server = ''] = kafka.servers
  const child = fork(program, [server, kafka.unique('killed'), url.href])
  t.after(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  await until('the other has two of the tasks', () => running() === 2)
  child.send('die')
  let rounds = 0
  const sayAll = async () => {
    const atMs = rounds++
    const said = Array.from({ length: wordCount }, (_, word) => ({
      id: `${atMs}-${word}`,
      word: `w${word}`,
      atMs,
    }))
    await send(log, namedWords, said)
  }
  await until('it is killed', async () => {
    await sayAll()
    return child.signalCode !== null
  })
  assert.deepEqual(await exited, [null, 'SIGKILL'])
  const cluster = await clusterOf(t, kafka)
  const left = await Promise.all(
    [0, 1, 2, 3].map((partition) => hasOpenTransaction(cluster, namedCounts.name, partition)),
  )
  assert.ok(left.includes(true), 'the crash left a transaction open')

  await sayAll()
  await until('the survivor runs all again', () => running() === 4)
  await runtime.whenIdle()
  const found = await readLatest(log, namedCounts.name)
  assert.deepEqual(
    [...found.values()],
    Array.from({ length: wordCount }, () => rounds),
  )
  await runtime.stop()
  await log.close()
})
