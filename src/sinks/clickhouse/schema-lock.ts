/**
 * One at a time changes the tables: an instance that migrates them, a rebuild. The lock is a table of a fixed name that only one
 * can create; its comment says who holds it.
 *
 *  1. The holder renews it while it works, by tables of names that are its own: what a suspended one renews is never another's
 *     lock. Ages are of the server's clock.
 *  2. A lock that was not renewed for `leaseMs` may be broken, by renaming it to a name made of its holder's: of several who saw
 *     the same old lock one succeeds, and none of them can break the next one by mistake.
 *  3. A holder that was suspended for longer than that has lost it, and finds out by `check`. Between a check and the step
 *     behind it it may be suspended again, so such steps touch only what is the holder's own by name, or are harmless when
 *     run twice at once (each statement of a migration is).
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { pause } from '../../core/clock.ts'
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { BackOff } from './back-off.ts'
import type { ClickHouse } from './clickhouse.ts'
import { ask, runCreate, runStatement, textLiteral } from './run-statement.ts'

export interface SchemaLockOptions {
  readonly clock: Clock
  /** What it is held for, for those who wait: `a migration`. */
  readonly purpose: string
  /** Not renewed for longer, a lock's holder is taken for dead. */
  readonly leaseMs?: number
  /** How long to wait for somebody else's lock. */
  readonly waitMaxMs?: number
  readonly random?: () => number
  /** Called once, with who holds it, where it has to be waited for. */
  readonly onWait?: (line: string) => void
  /** Ends the wait for somebody else's lock. */
  readonly signal?: AbortSignal
}

export interface SchemaLock {
  /** Before a step that no other holder may meet.
   * @throws TidemarkError JOB_INTERRUPTED where it is another's by now | SINK_UNAVAILABLE */
  check(): Promise<void>
}

const name = 'tidemark.schema_lock'
const what = 'the lock of the tables'
const leaseDefaultMs = 120_000
const waitMaxDefaultMs = 300_000
/** Of a lease: two renewals may fail. */
const renewals = 4
const renewMinMs = 100

/** In the embedded engine there is nobody else.
 * @throws what `work` throws; TidemarkError SINK_UNAVAILABLE where the lock is not to be had in time */
export async function withSchemaLock<T>(
  clickhouse: ClickHouse,
  options: SchemaLockOptions,
  work: (lock: SchemaLock) => Promise<T>,
): Promise<T> {
  if (clickhouse.kind === 'embedded') return await work({ check: () => Promise.resolve() })
  const lock = new HeldLock(clickhouse, options)
  await lock.acquire()
  try {
    return await work(lock)
  } finally {
    await lock.release()
  }
}

class HeldLock implements SchemaLock {
  readonly #clickhouse: ClickHouse
  readonly #options: SchemaLockOptions
  readonly #leaseMs: number
  readonly #id = randomUUID().replaceAll('-', '')
  /** Locks of others that were broken for this one, by their ids. */
  readonly #broken: string[] = []
  /** Of the table that the last renewal has made. */
  #renewal = 0
  #cancel: () => void = () => {}
  #renewing: Promise<void> = Promise.resolve()
  #isReleased = false

  constructor(clickhouse: ClickHouse, options: SchemaLockOptions) {
    this.#clickhouse = clickhouse
    this.#options = options
    this.#leaseMs = options.leaseMs ?? leaseDefaultMs
  }

  async acquire(): Promise<void> {
    const { clock, random, waitMaxMs, onWait, purpose, signal } = this.#options
    const backOff = new BackOff({ firstMs: 50, maxMs: 1_000, random: random ?? Math.random })
    const giveUpMs = clock.monotonicMs() + (waitMaxMs ?? waitMaxDefaultMs)
    const comment = `${this.#id} ${purpose} on ${hostname()}, process ${process.pid}`
    let hasTold = false
    await this.#run('CREATE DATABASE IF NOT EXISTS tidemark')
    while (!(await this.#create(name, comment))) {
      const held = await this.#held()
      if (held !== null && held.ageMs > this.#leaseMs) {
        if (await this.#isRenamed(`${name}_broken_${held.id}`)) this.#broken.push(held.id)
        continue
      }
      if (clock.monotonicMs() >= giveUpMs) throw heldBy(held)
      if (held !== null && !hasTold)
        onWait?.(`waiting for ${held.holder}, which changes the tables`)
      hasTold ||= held !== null
      await pause(clock, backOff.nextMs(), signal)
      throwIfEnded(signal)
    }
    this.#keep()
  }

  async check(): Promise<void> {
    const held = await this.#held()
    if (held?.id === this.#id) return
    throw new TidemarkError(
      'JOB_INTERRUPTED',
      `${what} was not renewed for longer than ${this.#leaseMs / 1000} s and is ${held === null ? 'gone' : `held by ${held.holder}`} now; run this again`,
    )
  }

  async release(): Promise<void> {
    this.#isReleased = true
    this.#cancel()
    await this.#renewing
    // One that was broken meanwhile is another's, and stays.
    if ((await this.#held())?.id === this.#id) await this.#run(`DROP TABLE ${name}`)
    for (const id of [this.#id, ...this.#broken]) await this.#drop(await this.#leasesOf(id))
    await this.#drop(this.#broken.map((id) => `${name}_broken_${id}`))
  }

  #keep(): void {
    const renewMs = Math.max(this.#leaseMs / renewals, renewMinMs)
    this.#cancel = this.#options.clock.after(renewMs, () => {
      this.#renewing = this.#renew().finally(() => {
        if (!this.#isReleased) this.#keep()
      })
    })
  }

  /** One that fails is followed by another; the holder looks before each step that matters. */
  async #renew(): Promise<void> {
    try {
      await this.check()
      await this.#create(`${name}_lease_${this.#id}_${this.#renewal + 1}`, '')
      this.#renewal += 1
      await this.#drop([`${name}_lease_${this.#id}_${this.#renewal - 1}`])
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError)) throw thrown
    }
  }

  /** As old as the last thing that its holder has made. */
  async #held(): Promise<Lock | null> {
    const rows = await ask<{ name: string; comment: string; age: number }>(
      this.#clickhouse,
      `SELECT name, comment, toInt32(dateDiff('second', metadata_modification_time, now())) AS age
FROM system.tables WHERE database = 'tidemark' AND startsWith(name, 'schema_lock')`,
    )
    const row = rows.find((each) => each.name === 'schema_lock')
    if (row === undefined) return null
    const [holder = '', ...words] = row.comment.split(' ')
    const id = holder.replaceAll('-', '')
    const ages = rows.filter((each) => each === row || each.name.startsWith(leasePrefix(id)))
    const ageMs = Math.min(...ages.map(({ age }) => age)) * 1_000
    return { id, holder: words.join(' ') || 'another instance', ageMs }
  }

  async #leasesOf(id: string): Promise<readonly string[]> {
    const rows = await ask<{ name: string }>(
      this.#clickhouse,
      `SELECT name FROM system.tables WHERE database = 'tidemark' AND startsWith(name, ${textLiteral(leasePrefix(id))})`,
    )
    return rows.map((row) => `tidemark.${row.name}`)
  }

  async #isRenamed(grave: string): Promise<boolean> {
    try {
      await this.#run(`RENAME TABLE ${name} TO ${grave}`)
      return true
    } catch (thrown) {
      // Somebody else has broken or released it.
      if (thrown instanceof TidemarkError && thrown.code === 'SINK_REFUSED') return false
      throw thrown
    }
  }

  /** A Null table keeps no rows, so it needs no replica: the statement itself reaches every server. */
  async #create(table: string, comment: string): Promise<boolean> {
    const statement = `CREATE TABLE ${table} (holder String) ENGINE = Null COMMENT ${textLiteral(comment)}`
    return await runCreate(this.#clickhouse, statement, what)
  }

  async #drop(tables: readonly string[]): Promise<void> {
    for (const table of tables) await this.#run(`DROP TABLE IF EXISTS ${table}`)
  }

  async #run(statement: string): Promise<void> {
    await runStatement(this.#clickhouse, statement, what)
  }
}

interface Lock {
  readonly id: string
  /** For people. */
  readonly holder: string
  readonly ageMs: number
}

function leasePrefix(id: string): string {
  return `schema_lock_lease_${id}_`
}

/** @throws TidemarkError SINK_UNAVAILABLE */
export function throwIfEnded(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new TidemarkError(
    'SINK_UNAVAILABLE',
    'the change of the tables was ended before it was done',
  )
}

function heldBy(held: Lock | null): TidemarkError {
  const who = held?.holder ?? 'another instance'
  const message = `${what} is held by ${who}; wait until it ends and run this again`
  return new TidemarkError('SINK_UNAVAILABLE', message, {
    details: { retryAfterMs: 1_000, holder: who },
  })
}
