/** A backfill on a cluster: refused while instances work, compared beside them, put right once they are gone. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openRegistryDoor } from '../../src/schema/registry-door.test-support.ts'
import { RemoteIngest } from '../../src/sources/remote-ingest.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { runCommand } from '../integration/support/run-command.ts'
import { until } from '../integration/support/until.ts'
import { ClusterInstance } from './support/cluster-instance.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'

const events = 600
/** The statement returns when it is done. */
const once = 'SETTINGS mutations_sync = 2'

void test('rows that were damaged are put right while no instance works, and stay so', async (t) => {
  const kafka = await clusterForTests(t, { brokers: 1 })
  if (kafka === undefined) return
  const registry = await openRegistryDoor()
  const clickhouse = await ClickHouseProcess.start()
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-backfill-kafka-'))
  const instance = await ClusterInstance.start({
    bootstrapServers: kafka.bootstrapServers,
    registryUrl: registry.url,
    clickhouseUrl: clickhouse.url,
    topologies: ['exam-scores'],
  })
  t.after(async () => {
    await instance.stop('SIGKILL')
    await clickhouse.remove()
    await registry.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const backfill = async (...words: readonly string[]) => {
    const place = ['--data-dir', join(directory, 'backfill'), '--format', 'json']
    const ended = await runCommand(['backfill', 'exam-scores', ...words, ...place], {
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      SCHEMA_REGISTRY_URL: registry.url,
      CLICKHOUSE_URL: clickhouse.url,
    })
    return { ...ended, wrong: wrongIn(ended.stdout) }
  }

  await ingest(instance)
  const compared = await backfill('--dry-run')
  assert.deepEqual([compared.code, compared.wrong], [0, []], compared.stderr)
  const refused = await backfill()
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /GROUP_ACTIVE: group exam-scores has members/)

  assert.equal(await instance.stop(), 0, instance.output)
  const table = 'exam_scores.events_versions'
  await ask(clickhouse.url, `ALTER TABLE ${table} DELETE WHERE id = 'e1' ${once}`)
  await ask(
    clickhouse.url,
    `ALTER TABLE ${table} UPDATE score = -1 WHERE id IN ('e2', 'e3') ${once}`,
  )
  const mended = await backfill()
  const counts = { different: 2, missing: 1, extra: 0, put_right: 3 }
  assert.deepEqual([mended.code, mended.wrong], [0, [{ table: 'exam_scores.events', ...counts }]])
  const found = `SELECT count(), min(score) FROM exam_scores.events FORMAT TSV`
  assert.equal(await ask(clickhouse.url, found), `${events}\t0\n`)

  await instance.start()
  await idle(instance)
  const again = await backfill('--dry-run')
  assert.deepEqual([again.code, again.wrong], [0, []], again.stderr)
  const runs = await ask(
    clickhouse.url,
    `SELECT state, count() FROM tidemark.runs WHERE job = 'backfill' GROUP BY state ORDER BY state FORMAT TSV`,
  )
  assert.equal(runs, 'failed\t1\nsucceeded\t3\n')
})

async function ingest(instance: ClusterInstance): Promise<void> {
  const records = Array.from({ length: events }, (_, at) => ({
    content: {
      form: 'json' as const,
      json: { exam: at % 5, studentId: `s${at % 30}`, score: at % 50, event_id: `e${at}` },
    },
    timestampMs: 1_700_000_000_000 + at,
  }))
  const port = new RemoteIngest({ url: `http://127.0.0.1:${instance.ports.ingest}` })
  const report = await port.ingest('exam_score', records, { onError: 'refuse', source: 'ingest' })
  assert.equal(report.taken, events)
  await idle(instance)
}

async function idle({ ports }: ClusterInstance): Promise<void> {
  await until('all facts are queryable', async () => {
    const url = `http://127.0.0.1:${ports.console}/api/idle?timeout_ms=10000`
    return ((await (await fetch(url)).json()) as { idle: boolean }).idle ? true : null
  })
}

async function ask(url: string, query: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', body: query })
  const text = await response.text()
  assert.ok(response.ok, text)
  return text
}

interface Counts {
  readonly table: string
  readonly different: number
  readonly missing: number
  readonly extra: number
  readonly put_right: number
}

function wrongIn(stdout: string): readonly Counts[] {
  if (stdout === '') return []
  const { tables } = JSON.parse(stdout) as { tables: readonly Counts[] }
  return tables
    .filter(({ different, missing, extra }) => different + missing + extra > 0)
    .map(({ table, different, missing, extra, put_right }) => ({
      table,
      different,
      missing,
      extra,
      put_right,
    }))
}
