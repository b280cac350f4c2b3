/** A release of the project as its user has it: the program in a folder of its own, with a topology and its table. */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Release {
  readonly version: string
  readonly program: string
  readonly topology: string
}

export interface ReleaseOptions {
  readonly version: string
  /** The fact has a field more than in the release before. */
  readonly hasLastAmount: boolean
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const parts = ['src', 'bin', 'topologies', 'schemas']

export async function makeRelease(home: string, options: ReleaseOptions): Promise<Release> {
  const { version, hasLastAmount } = options
  await mkdir(home)
  for (const part of parts) await cp(join(root, part), join(home, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(home, 'node_modules'))
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as object
  await writeFile(join(home, 'package.json'), JSON.stringify({ ...manifest, version }))
  const topology = join(home, 'topologies', 'savings.ts')
  await writeFile(topology, savings(hasLastAmount))
  const migrations = hasLastAmount ? [firstTable, secondTable] : [firstTable]
  for (const [index, sql] of migrations.entries()) {
    await writeFile(join(home, 'schemas/clickhouse', `900${index}_savings.sql`), sql)
  }
  return { version, program: join(home, 'bin/tidemark.js'), topology }
}

const firstTable = `CREATE DATABASE IF NOT EXISTS savings;

CREATE TABLE IF NOT EXISTS savings.accounts_versions (
  account String COMMENT 'Whose.',
  count Int64 COMMENT 'Deposits.',
  total Int64 COMMENT 'Their sum.',
  event_time DateTime64(3, 'UTC') COMMENT 'Of the last.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (account);

CREATE VIEW IF NOT EXISTS savings.accounts AS
SELECT account, count, total, event_time, known_at, version
FROM savings.accounts_versions FINAL;
`

const secondTable = `ALTER TABLE savings.accounts_versions ADD COLUMN IF NOT EXISTS last_amount Int64 DEFAULT -1 COMMENT 'Of the last.';

CREATE OR REPLACE VIEW savings.accounts AS
SELECT account, count, total, last_amount, event_time, known_at, version
FROM savings.accounts_versions FINAL;
`

/** What a release adds to a fact has a default, for the rows of the releases before it. */
function savings(hasLastAmount: boolean): string {
  return `import { topicName } from '../src/core/record.ts'
import { tupleSerde } from '../src/core/tuple.ts'
import { avroSerde } from '../src/schema/avro-serde.ts'
import { defineTopology } from '../src/topology/define.ts'
import { keyValueStore } from '../src/topology/stores.ts'

type Account = readonly [string]
interface Deposit { readonly account: string; readonly amount: number }
const accountKey = tupleSerde<Account>()
const record = (name: string, fields: readonly object[]) => ({ type: 'record', name, fields })
const long = (name: string) => ({ name, type: 'long' })
const text = (name: string) => ({ name, type: 'string' })
const time = (name: string) => ({ name, type: { type: 'long', logicalType: 'timestamp-millis' } })
const topic = (name: string, schema: object) => ({
  name: topicName(name),
  keySerde: accountKey,
  keyOf: (row: { readonly account: string }) => [row.account] as const,
  schema,
  partitionCount: 2,
  cleanupPolicy: 'delete' as const,
  retentionMs: null,
})
const deposits = topic('deposits', record('Deposit', [text('account'), long('amount')]))
const accounts = topic('savings.accounts', record('AccountRow', [
  text('account'), long('count'), long('total'),
  ${hasLastAmount ? `{ name: 'last_amount', type: 'long', default: -1 },` : ''}
  time('event_time'), time('known_at'),
]))
const balanceSerde = avroSerde('savings balance', 1, record('Balance', [long('count'), long('total')]))

class Savings {
  context: any
  init(context: any) { this.context = context }
  process(record: any) {
    const { account, amount } = record.value as Deposit
    const balances = this.context.store('balances')
    const { count, total } = balances.get(record.key) ?? { count: 0, total: 0 }
    const balance = { count: count + 1, total: total + amount }
    balances.put(record.key, balance)
    this.context.forward({ ...record, value: {
      account, ...balance, ${hasLastAmount ? 'last_amount: amount,' : ''}
      event_time: record.timestampMs, known_at: this.context.wallClockMs,
    } })
  }
}

export const factTables = [
  { database: 'savings', table: 'accounts', keyColumns: ['account'], topic: accounts },
]

export default defineTopology('savings', (builder) => {
  builder
    .process<any, any>('savings', {
      inputs: [builder.stream('deposits', deposits)],
      stores: [keyValueStore('balances', accountKey, balanceSerde)],
      supplier: () => new Savings(),
    })
    .to('accounts', accounts)
})
`
}
