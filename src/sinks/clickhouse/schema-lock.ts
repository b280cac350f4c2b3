/**
 * One instance at a time changes the tables. The lock is a table of a fixed name that only one can create; it carries
 * its holder and when it was taken, by the server's clock. What it guards is harmless when run twice at once (each
 * statement of a migration is), so a lock whose holder was suspended for longer than the lease may be broken.
 *
 * A lock is broken by renaming it to a name made of its holder's: of several who saw the same old lock one succeeds,
 * and none of them can break the next one by mistake.
 */
import { randomUUID } from 'node:crypto'
import { pause } from '../../core/clock.ts'
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { BackOff } from './back-off.ts'
import type { ClickHouse } from './clickhouse.ts'
import { ask, runCreate, runStatement, textLiteral } from './run-statement.ts'

export interface SchemaLockOptions {
  readonly clock: Clock
  /** Older than this, a lock's holder is taken for dead. */
  readonly leaseMs?: number
  /** How long to wait for somebody else's lock. */
  readonly waitMaxMs?: number
  readonly random?: () => number
}

const name = 'tidemark.schema_lock'
const what = 'the lock of the tables'
const leaseMs = 120_000
const waitMaxMs = 300_000

/** In the embedded engine there is nobody else.
 * @throws what `work` throws; TidemarkError SINK_UNAVAILABLE where the lock is not to be had in time */
export async function withSchemaLock<T>(
  clickhouse: ClickHouse,
  options: SchemaLockOptions,
  work: () => Promise<T>,
): Promise<T> {
  if (clickhouse.kind === 'embedded') return await work()
  const holder = randomUUID()
  const broken = await acquire(clickhouse, holder, options)
  try {
    return await work()
  } finally {
    await release(clickhouse, holder, broken)
  }
}

/** Resolves with the locks that were broken for it. */
async function acquire(
  clickhouse: ClickHouse,
  holder: string,
  { clock, random, ...limits }: SchemaLockOptions,
): Promise<readonly string[]> {
  const backOff = new BackOff({ firstMs: 50, maxMs: 1_000, random: random ?? Math.random })
  const giveUpMs = clock.monotonicMs() + (limits.waitMaxMs ?? waitMaxMs)
  const broken: string[] = []
  await runStatement(clickhouse, 'CREATE DATABASE IF NOT EXISTS tidemark', what)
  // A Null table keeps no rows, so it needs no replica: the statement itself reaches every server.
  const create = `CREATE TABLE ${name} (holder String) ENGINE = Null COMMENT ${textLiteral(holder)}`
  for (;;) {
    if (await runCreate(clickhouse, create, what)) return broken
    const held = await heldLock(clickhouse)
    if (held !== null && held.ageMs > (limits.leaseMs ?? leaseMs)) {
      const grave = `${name}_broken_${held.holder.replaceAll('-', '')}`
      if (await isRenamed(clickhouse, grave)) broken.push(grave)
      continue
    }
    if (clock.monotonicMs() >= giveUpMs) {
      const message = `${what} is held by another instance for ${Math.round((held?.ageMs ?? 0) / 1000)} s`
      throw new TidemarkError('SINK_UNAVAILABLE', message, { details: { retryAfterMs: 1_000 } })
    }
    await pause(clock, backOff.nextMs())
  }
}

async function isRenamed(clickhouse: ClickHouse, grave: string): Promise<boolean> {
  try {
    await runStatement(clickhouse, `RENAME TABLE ${name} TO ${grave}`, what)
    return true
  } catch (thrown) {
    // Somebody else has broken or released it.
    if (thrown instanceof TidemarkError && thrown.code === 'SINK_REFUSED') return false
    throw thrown
  }
}

interface HeldLock {
  readonly holder: string
  readonly ageMs: number
}

async function heldLock(clickhouse: ClickHouse): Promise<HeldLock | null> {
  const [row] = await ask<{ holder: string; age: number }>(
    clickhouse,
    `SELECT comment AS holder, toInt32(dateDiff('second', metadata_modification_time, now())) AS age
FROM system.tables WHERE database = 'tidemark' AND name = 'schema_lock'`,
  )
  return row === undefined ? null : { holder: row.holder, ageMs: row.age * 1_000 }
}

/** A lock that was broken meanwhile is another's, and stays. */
async function release(
  clickhouse: ClickHouse,
  holder: string,
  broken: readonly string[],
): Promise<void> {
  const held = await heldLock(clickhouse)
  if (held?.holder === holder) await runStatement(clickhouse, `DROP TABLE ${name}`, what)
  for (const grave of broken) {
    await runStatement(clickhouse, `DROP TABLE IF EXISTS ${grave}`, what)
  }
}
