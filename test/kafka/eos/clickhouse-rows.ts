/** The rows of the accounts, against the last committed fact of each, both ways. */
import { openAvroCodec } from '../../../src/schema/avro-codec.ts'
import type { SchemaRegistry } from '../../../src/schema/schema-registry.ts'
import type { Log } from '../../../src/log/log.ts'
import { openClickHouse } from '../../../src/sinks/clickhouse/open-clickhouse.ts'
import type { Account } from './ledger-records.ts'
import { accounts } from './ledger-topology.ts'
import { readBack } from './read-back.ts'

interface Row {
  readonly account: string
  readonly count: string
  readonly total: string
  readonly offset: string
}

/** One line for each account that differs. */
export async function clickhouseDifferences(
  url: string,
  log: Log,
  registry: SchemaRegistry,
): Promise<readonly string[]> {
  const wanted = await lastFacts(log, registry)
  const found = await currentRows(url)
  const differences: string[] = []
  for (const account of new Set([...wanted.keys(), ...found.keys()])) {
    const want = wanted.get(account)
    const have = found.get(account)
    if (want !== have) differences.push(`${account}: wanted ${want}, found ${have}`)
  }
  return differences
}

async function lastFacts(log: Log, registry: SchemaRegistry): Promise<Map<string, string>> {
  const { name, schema } = accounts.topic
  const codec = await openAvroCodec<Account>({ topic: name, schema, registry })
  const facts = await readBack(log, name, (bytes) => codec.decode(bytes))
  // An account's facts lie in one partition, in order.
  return new Map(
    facts.map(({ offset, value: { account, count, total } }) => [
      account,
      `count ${count}, total ${total}, offset ${offset}`,
    ]),
  )
}

async function currentRows(url: string): Promise<Map<string, string>> {
  const clickhouse = await openClickHouse({ url })
  try {
    const result = await clickhouse.reader.query({
      query: `SELECT account, toString(count) AS count, toString(total) AS total,
toString(bitAnd(version, 0xFFFFFFFFFFFF)) AS offset FROM eos.accounts`,
      format: 'JSONEachRow',
    })
    const rows = await result.json<Row>()
    return new Map(
      rows.map(({ account, count, total, offset }) => [
        account,
        `count ${count}, total ${total}, offset ${offset}`,
      ]),
    )
  } finally {
    await clickhouse.close()
  }
}
