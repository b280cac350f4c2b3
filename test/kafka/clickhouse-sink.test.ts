/** Fact topics on a real broker into a ClickHouse behind faults, by members of one group that come and go. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { until } from '../../src/runtime/test-support/harness.ts'
import { ClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts'
import { clusterEpochs } from '../../src/sinks/clickhouse/cluster-epoch.ts'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { FactConsumer } from '../../src/sinks/fact-consumer.ts'
import {
  append,
  currentRows,
  expectedRows,
  makeTable,
  randomFrom,
  sourceOf,
  table,
} from '../clickhouse/support/averages.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { everyFault, FaultProxy } from '../clickhouse/support/fault-proxy.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'

kafkaTest(
  'members of a group that come and go write every fact through faults',
  async (kafka, t) => {
    const server = await ClickHouseProcess.start()
    t.after(() => server.remove())
    const proxy = await FaultProxy.open(server.url)
    t.after(() => proxy.close())
    const direct = await openClickHouse({ url: server.url })
    t.after(() => direct.close())
    await makeTable(direct)
    const topic = topicName(kafka.unique('averages'))
    const name = kafka.unique('sink')
    const openLog = (clientId: string) =>
      openKafkaLog({
        bootstrapServers: kafka.servers,
        clientId,
        clock: systemClock,
        group: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 100 },
      })
    const log = await openLog('writer')
    t.after(() => log.close())
    await log.createTopics([
      { name: topic, partitionCount: 4, cleanupPolicy: 'compact', retentionMs: null },
    ])

    const start = async (clientId: string) => {
      const own = await openLog(clientId)
      const clickhouse = await openClickHouse({ url: proxy.url })
      const ids = await own.topicIds([topic])
      const epoch = await clusterEpochs(clickhouse, [
        { topic, topicId: ids.get(topic) ?? '', table },
      ])
      const sink = new ClickHouseSink({
        clickhouse,
        clock: systemClock,
        migrationsDirectory: null,
        unavailableMaxMs: 50,
      })
      const facts = [sourceOf(topic)]
      const consumer = new FactConsumer({
        name,
        log: own,
        sink,
        clock: systemClock,
        facts,
        epoch,
        rowsMin: 20,
        rowsMax: 200,
        ageMaxMs: 10,
        idleWaitMs: 50,
      })
      await consumer.start()
      return {
        epoch: epoch.get(topic),
        consumer,
        stop: async () => {
          await consumer.stop()
          await own.close()
          await clickhouse.close()
        },
      }
    }

    const random = randomFrom(7)
    let turn = 0
    const members = [await start('one')]
    t.after(() => Promise.all(members.map((member) => member.stop())))
    const struck = () => [...proxy.struck.values()].reduce((sum, count) => sum + count, 0)
    proxy.faultOf = () => {
      turn += 1
      return turn % 4 === 0 ? (everyFault[(turn / 4) % everyFault.length] ?? null) : null
    }
    // How many requests the batches make depends on the machine: enough of them are to be struck.
    for (let piece = 0; piece < 40 || struck() <= 5; piece++) {
      const facts = Array.from({ length: 50 }, () => {
        const student = `s${Math.floor(random() * 150)}`
        return [student, random() < 0.1 ? null : Math.floor(random() * 1e6)] as const
      })
      await append(log, facts, topic)
      if (piece === 10) members.push(await start('two'))
      if (piece === 20) members.push(await start('three'))
      if (piece === 30) await members.shift()?.stop()
    }
    assert.deepEqual([...new Set(members.map(({ epoch }) => epoch))], [1])
    const expected = JSON.stringify(await expectedRows(log, 1, topic))
    await until(
      'every fact is queryable',
      async () => JSON.stringify(await currentRows(direct)) === expected,
    )
    for (const { consumer } of members) {
      const { state, reason } = consumer.status()
      assert.notEqual(state, 'failed', String(reason))
    }
  },
)
