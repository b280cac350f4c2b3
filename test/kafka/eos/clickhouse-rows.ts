/** The rows of the accounts, against the last committed fact of each, both ways. */
import type { ValueCodec } from '../../../src/core/serde.ts'
import type { Log } from '../../../src/log/log.ts'
import { openClickHouse } from '../../../src/sinks/clickhouse/open-clickhouse.ts'
import type { Account } from './ledger-records.ts'
import { accounts } from './ledger-topology.ts'
import { readBack } from './read-back.ts'

/** A version of an account's row. */
export interface AccountVersion extends Pick<Account, 'account' | 'count' | 'total'> {
  /** Of the fact that it comes from. */
  readonly offset: number
}

/** One line for each account that differs. */
export async function clickhouseDifferences(
  url: string,
  log: Log,
  codec: ValueCodec<Account>,
): Promise<readonly string[]> {
  const wanted = await lastFacts(log, codec)
  const found = byAccount(await versionsIn(url, accounts.table))
  const differences: string[] = []
  for (const account of new Set([...wanted.keys(), ...found.keys()])) {
    const want = wanted.get(account)
    const have = found.get(account)
    if (want !== have) differences.push(`${account}: wanted ${want}, found ${have}`)
  }
  return differences
}

/** All that ClickHouse holds: the current rows, and older versions that are not merged yet. */
export function accountVersions(url: string): Promise<readonly AccountVersion[]> {
  return versionsIn(url, `${accounts.table}_versions`)
}

async function lastFacts(log: Log, codec: ValueCodec<Account>): Promise<Map<string, string>> {
  const facts = await readBack(log, accounts.topic.name, (bytes) => codec.decode(bytes))
  // An account's facts lie in one partition, in order.
  return byAccount(facts.map(({ offset, value }) => ({ ...value, offset })))
}

function byAccount(versions: readonly AccountVersion[]): Map<string, string> {
  return new Map(
    versions.map(({ account, count, total, offset }) => [
      account,
      `count ${count}, total ${total}, offset ${offset}`,
    ]),
  )
}

async function versionsIn(url: string, table: string): Promise<readonly AccountVersion[]> {
  const clickhouse = await openClickHouse({ url })
  try {
    const result = await clickhouse.reader.query({
      query: `SELECT account, toString(count), toString(total),
toString(bitAnd(version, 0xFFFFFFFFFFFF)) FROM ${accounts.database}.${table}`,
      format: 'JSONCompactEachRow',
    })
    const rows = await result.json<readonly [string, string, string, string]>()
    return rows.map(([account, count, total, offset]) => ({
      account,
      count: Number(count),
      total: Number(total),
      offset: Number(offset),
    }))
  } finally {
    await clickhouse.close()
  }
}
