/**
 * What the exactly-once driver runs. Every output names the input record that it follows from and who made it,
 * so that a reader can tell for each input record whether it took effect once.
 *
 *     eos-deposits ──▶ ledger ──▶ eos.entries     one per deposit, in the deposit's order
 *                        ├──────▶ eos-audits      the same under another key, so on another broker
 *                        ├──────▶ eos.accounts    the account's row: a fact, brought to ClickHouse
 *                        └─ repartition by bucket ─▶ buckets ──▶ eos-buckets   one per repartitioned deposit
 */
import { topicName } from '../../../src/core/record.ts'
import type { FactTable } from '../../../src/core/fact-table.ts'
import type { TopicDefinition } from '../../../src/core/topic.ts'
import { tupleSerde } from '../../../src/core/tuple.ts'
import { avroSerde } from '../../../src/schema/avro-serde.ts'
import { defineTopology } from '../../../src/topology/define.ts'
import { keyValueStore } from '../../../src/topology/stores.ts'
import { BucketProcessor, LedgerProcessor, ports } from './ledger-processors.ts'
import type { Account, Audit, Balance, Bucket, Deposit, Entry, Share } from './ledger-records.ts'

export const partitionCount = 4

type TextKey = readonly [string]
type NumberKey = readonly [number]
const textKey = tupleSerde<TextKey>()
const numberKey = tupleSerde<NumberKey>()

const long = (name: string) => ({ name, type: 'long' })
const text = (name: string) => ({ name, type: 'string' })
const origin = [long('source_partition'), long('source_offset'), text('made_by')]
const record = (name: string, fields: readonly object[]) => ({
  type: 'record',
  name,
  namespace: 'io.tidemark.eos',
  fields,
})
const time = (name: string) => ({ name, type: { type: 'long', logicalType: 'timestamp-millis' } })

function topic<K, V>(name: string, keySerde: TopicDefinition<K, V>['keySerde'], schema: object) {
  return {
    name: topicName(name),
    keySerde,
    schema,
    partitionCount,
    cleanupPolicy: 'delete',
    retentionMs: null,
  } satisfies TopicDefinition<K, V>
}

export const deposits: TopicDefinition<TextKey, Deposit> = topic<TextKey, Deposit>(
  'eos-deposits',
  textKey,
  record('Deposit', [text('account'), long('sequence'), long('amount')]),
)

export const entries: TopicDefinition<TextKey, Entry> = topic<TextKey, Entry>(
  'eos.entries',
  textKey,
  record('Entry', [text('account'), long('sequence'), long('count'), long('total'), ...origin]),
)

export const audits: TopicDefinition<NumberKey, Audit> = topic<NumberKey, Audit>(
  'eos-audits',
  numberKey,
  record('Audit', [long('sequence'), long('count'), long('total'), ...origin]),
)

export const buckets: TopicDefinition<NumberKey, Bucket> = topic<NumberKey, Bucket>(
  'eos-buckets',
  numberKey,
  record('Bucket', [long('bucket'), long('sequence'), long('count'), long('total'), ...origin]),
)

export const accounts: FactTable<TextKey, Account> = {
  database: 'eos',
  table: 'accounts',
  keyColumns: ['account'],
  topic: {
    ...topic<TextKey, Account>(
      'eos.accounts',
      textKey,
      record('AccountRow', [
        text('account'),
        long('count'),
        long('total'),
        time('event_time'),
        time('known_at'),
      ]),
    ),
    keyOf: (row) => [row.account],
  },
}

export const factTables: readonly FactTable[] = [accounts as unknown as FactTable]

const balanceSerde = avroSerde<Balance>(
  'eos balance',
  1,
  record('Balance', [long('count'), long('total')]),
)
const shareSerde = avroSerde<Share>(
  'eos share',
  1,
  record('Share', [long('bucket'), long('sequence'), long('amount')]),
)

export const repartitionTopic = topicName('eos-by-bucket-repartition')

export default defineTopology('eos', (builder) => {
  const ledger = builder.process<any, any>('ledger', {
    inputs: [builder.stream('deposits', deposits)],
    stores: [keyValueStore('balances', textKey, balanceSerde)],
    supplier: () => new LedgerProcessor(),
  })
  ledger.to(ports.entries, entries)
  ledger.to(ports.audits, audits)
  ledger.to(ports.accounts, accounts.topic)
  ledger
    .map(
      ports.shares,
      (_key: unknown, value: unknown) => [[(value as Share).bucket] as const, value as Share],
      {
        keySerde: numberKey,
        valueSerde: shareSerde,
      },
    )
    .repartition('by-bucket', { partitionCount })
    .process<NumberKey, Bucket>('buckets', {
      stores: [keyValueStore('bucket-balances', numberKey, balanceSerde)],
      supplier: () => new BucketProcessor(),
      keySerde: numberKey,
    })
    .to('bucket-totals', buckets)
})

/** The repartitioned value, for the replay. */
export const readShare = (bytes: Buffer): Share => shareSerde.deserialize(bytes)
