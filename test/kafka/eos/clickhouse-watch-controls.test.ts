/**
 * The watch of ClickHouse has to see what it is there to see: sinks that are wrong, each in its own way, on a real broker.
 * The test itself writes the facts and ends their transactions, so that nothing depends on how quick the machine is.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.ts'
import { partitionForKey } from '../../../src/core/partitioner.ts'
import type { ValueCodec } from '../../../src/core/serde.ts'
import type { EncodedLog } from '../../../src/log/encoded-log.ts'
import { openCluster } from '../../../src/log/kafka/connected-cluster.ts'
import { openKafkaLog } from '../../../src/log/kafka/open-kafka-log.ts'
import { until } from '../../../src/runtime/test-support/harness.ts'
import { jsonCodec } from '../../../src/runtime/test-support/json-codec.ts'
import { ClickHouseSink } from '../../../src/sinks/clickhouse/clickhouse-sink.ts'
import { openClickHouse } from '../../../src/sinks/clickhouse/open-clickhouse.ts'
import { FactConsumer } from '../../../src/sinks/fact-consumer.ts'
import type { Row, Sink, TableRows } from '../../../src/sinks/sink.ts'
import { ClickHouseProcess } from '../../clickhouse/support/clickhouse-process.ts'
import { RawProducer } from '../raw-transactions.ts'
import { clusterForTests } from '../support/kafka-for-tests.ts'
import { accountVersions } from './clickhouse-rows.ts'
import { ClickHouseWatch } from './clickhouse-watch.ts'
import type { Account } from './ledger-records.ts'
import { accounts, partitionCount } from './ledger-topology.ts'
import { makeTables } from './open-stage.ts'
import { sabotaged } from './sabotage.ts'

const codec = jsonCodec() as ValueCodec<any>

/** A broker, a ClickHouse, a watch of both, and a producer whose transactions last for as long as they are wanted. */
async function openScene(t: TestContext) {
  const kafka = await clusterForTests(t, { brokers: 1 })
  if (kafka === undefined) return undefined
  const server = await ClickHouseProcess.start()
  t.after(() => server.remove())
  await makeTables(server.url)
  const options = { bootstrapServers: kafka.servers, clientId: 'controls', clock: systemClock }
  const log = await openKafkaLog(options)
  t.after(() => log.close())
  const cluster = await openCluster(options)
  t.after(() => cluster.close())
  const { name, cleanupPolicy, retentionMs } = accounts.topic
  await log.createTopics([{ name, partitionCount, cleanupPolicy, retentionMs }])
  const producer = await RawProducer.open(cluster, 'controls')
  const watch = new ClickHouseWatch({ url: server.url, log, codec })

  /** The fact's place: `1@3`. */
  const write = async (account: string): Promise<string> => {
    const key = accounts.topic.keySerde.serialize([account])
    const at = partitionForKey(key, partitionCount)
    const fact: Account = { account, count: 1, total: 10, event_time: 1, known_at: 2 }
    const record = { key, value: codec.encode(fact), timestampMs: 1 }
    return `${at}@${await producer.send({ topic: name, partition: at }, [record])}`
  }
  const isThere = async (account: string) =>
    (await accountVersions(server.url)).some((version) => version.account === account)
  const noted = async () => {
    const partitions = Array.from({ length: partitionCount }, (_, at) => at as never)
    const wanted = partitions.map((partition) => ({ topic: name, partition }))
    const [described] = await log.describeTopics([name])
    const found = await log.committedOffsets('eos-clickhouse', wanted)
    return found.every(
      (each, at) => (each?.offset ?? 0) === (described?.partitions[at]?.highWatermark ?? 0),
    )
  }
  /** While `use` is under way. */
  const withSink = async (
    from: EncodedLog,
    wrap: (sink: Sink) => Sink,
    use: () => Promise<void>,
  ) => {
    const clickhouse = await openClickHouse({ url: server.url })
    const sink = new ClickHouseSink({ clickhouse, clock: systemClock, migrationsDirectory: null })
    const facts = [{ fact: accounts, codec }]
    const consumer = new FactConsumer({
      ...{ name: 'eos', log: from, sink: wrap(sink), clock: systemClock, facts, epoch: 1 },
      ...{ ageMaxMs: 10, idleWaitMs: 50 },
    })
    await consumer.start()
    try {
      await use()
    } finally {
      await consumer.stop()
      await clickhouse.close()
    }
  }
  return { log, producer, watch, write, isThere, noted, withSink }
}

const asItIs = (sink: Sink): Sink => sink

/** The same sink, but for the rows that it writes. */
function writing(rowsOf: (row: Row) => readonly Row[]): (sink: Sink) => Sink {
  return (sink) => ({
    setup: () => sink.setup(),
    identitiesOf: (tables) => sink.identitiesOf(tables),
    write: (batches, signal) =>
      sink.write(
        batches.map(({ table, rows }): TableRows => ({ table, rows: rows.flatMap(rowsOf) })),
        signal,
      ),
    close: () => sink.close(),
  })
}

void test('the watch of ClickHouse sees sinks that are wrong, and nothing where one is right', async (t) => {
  const scene = await openScene(t)
  if (scene === undefined) return
  const { log, producer, watch, write, isThere, noted, withSink } = scene
  const look = async () => (await watch.look()).join('\n')

  await t.test('a sink that is right, beside a transaction that is open and then aborted', () =>
    withSink(log, asItIs, async () => {
      await write('right')
      assert.equal(await look(), '')
      await producer.end('commit')
      await until('the row is there', () => isThere('right'))
      await write('aborted')
      assert.equal(await look(), '')
      await producer.end('abort')
      await until('the sink has passed it', noted)
      assert.equal(await look(), '')
    }),
  )

  await t.test('one that writes what may yet be aborted, and then is', () =>
    withSink(sabotaged(log, 'no-filter'), asItIs, async () => {
      const at = await write('unfiltered')
      await until('the row is there', () => isThere('unfiltered'))
      assert.match(await look(), new RegExp(`^row unfiltered: .* ${at}: its transaction is open$`))
      await producer.end('abort')
      await until('it is known that it was aborted', async () =>
        (await look()).includes('no such fact'),
      )
      assert.match(await look(), new RegExp(`^row unfiltered: .* ${at}: no such fact$`))
    }),
  )

  await t.test('one that writes a fact once more, as if it were another', () => {
    const twice = writing((row) => [row, { ...row, version: (row['version'] as bigint) + 1n }])
    return withSink(log, twice, async () => {
      await write('twice')
      await producer.end('commit')
      await until('the row is there', () => isThere('twice'))
      assert.match(await look(), /^row twice: .*: no such fact$/m)
    })
  })

  await t.test('one that writes another fact than the one that is there', () => {
    const wrong = writing((row) => [{ ...row, total: 11 }])
    return withSink(log, wrong, async () => {
      await write('wrong')
      await producer.end('commit')
      await until('the row is there', () => isThere('wrong'))
      assert.match(await look(), /^row wrong: count 1, total 11 .*: the fact is .*total 10$/m)
    })
  })

  await t.test('one that notes a fact as written that it has not written', () =>
    withSink(
      log,
      writing(() => []),
      async () => {
        const at = await write('forgotten')
        await producer.end('commit')
        await until('the sink has noted it', noted)
        assert.match(
          await look(),
          new RegExp(`^forgotten: the sink has noted ${at}, and readers are given -1$`, 'm'),
        )
      },
    ),
  )
})
