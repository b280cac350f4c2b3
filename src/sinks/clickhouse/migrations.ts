/**
 * Migrations: `schemas/clickhouse/NNNN_name.sql`, applied in order, each once.
 *
 * A file holds statements that end with `;` at the end of a line; each must be harmless when run again (IF NOT
 * EXISTS), because a process killed inside a file runs the whole file again. What was applied is recorded in
 * `tidemark.schema_migrations` with a checksum, so that a file changed afterwards is refused. Of several instances
 * that start at once one applies them, the others wait for it (`schema-lock.ts`).
 *
 * What they have made may be lost though its record is kept: a database dropped, some tables not restored. Then the
 * statements that make it and change it are run again, in order.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { ClickHouse } from './clickhouse.ts'
import { lostStatements, type NamedStatement } from './lost-objects.ts'
import { ask, runStatement } from './run-statement.ts'
import { throwIfEnded, withSchemaLock } from './schema-lock.ts'

export interface Migration {
  readonly version: number
  /** File name. */
  readonly name: string
  readonly checksum: string
  readonly statements: readonly string[]
}

export interface MigrationOptions {
  readonly directory: string
  readonly clock: Clock
  /** As `SchemaLockOptions`. */
  readonly onWait?: (line: string) => void
  /** Ends it between two statements. */
  readonly signal?: AbortSignal
}

const bookkeeping = [
  'CREATE DATABASE IF NOT EXISTS tidemark',
  `CREATE TABLE IF NOT EXISTS tidemark.schema_migrations (
  version UInt32 COMMENT 'Number of the file.',
  name String COMMENT 'Name of the file.',
  checksum String COMMENT 'SHA-256 of its statements.',
  applied_at DateTime64(3, 'UTC') COMMENT 'When it was applied.'
) ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version`,
]

/** Brings the tables to the newest migration; returns the names of the files applied now.
 * @throws TidemarkError DATA_DIR_NEWER | CONFIGURATION_INVALID | SINK_REFUSED | SINK_UNAVAILABLE */
export async function runMigrations(
  clickhouse: ClickHouse,
  options: MigrationOptions,
): Promise<readonly string[]> {
  const migrations = await readMigrations(options.directory)
  for (const statement of bookkeeping) await execute(clickhouse, statement, 'bookkeeping')
  const first = await pending(clickhouse, migrations)
  if (first.unapplied.length === 0 && first.lost.length === 0) return []
  return await withSchemaLock(clickhouse, { ...options, purpose: 'a migration' }, async () => {
    const done: string[] = []
    const run = async (statement: string, name: string) => {
      throwIfEnded(options.signal)
      await execute(clickhouse, statement, name)
    }
    // Another instance may have done it while we waited.
    const { unapplied, lost } = await pending(clickhouse, migrations)
    for (const { statement, name } of lost) await run(statement, name)
    for (const migration of unapplied) {
      for (const statement of migration.statements) await run(statement, migration.name)
      await record(clickhouse, migration, options.clock.nowMs())
      done.push(migration.name)
    }
    return done
  })
}

interface Pending {
  readonly unapplied: readonly Migration[]
  /** Of those that were applied: statements for what is not there any more. */
  readonly lost: readonly NamedStatement[]
}

async function pending(clickhouse: ClickHouse, migrations: readonly Migration[]): Promise<Pending> {
  const unapplied = await missing(clickhouse, migrations)
  const applied = migrations.filter((migration) => !unapplied.includes(migration))
  const statements = applied.flatMap(({ name, statements: own }) =>
    own.map((statement) => ({ name, statement })),
  )
  return { unapplied, lost: await lostStatements(clickhouse, statements) }
}

async function missing(
  clickhouse: ClickHouse,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const applied = await appliedMigrations(clickhouse)
  refuseForeign(applied, migrations)
  return migrations.filter(({ version }) => !applied.has(version))
}

const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/

export async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const migrations: Migration[] = []
  for (const name of names) {
    const number = fileName.exec(name)?.[1]
    if (number === undefined) {
      throw invalid(`${name}: a migration is named like 0010_what_it_adds.sql`, name)
    }
    const version = Number(number)
    if (migrations.at(-1)?.version === version) {
      throw invalid(`two migrations have the number ${number}: ${name} is the second`, name)
    }
    const statements = splitStatements(await readFile(join(directory, name), 'utf8'))
    const checksum = createHash('sha256').update(statements.join(';\n')).digest('hex')
    migrations.push({ version, name, checksum, statements })
  }
  return migrations
}

/** Statements end with `;` at the end of a line; whole-line comments are left out, so they may change. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = []
  let current: string[] = []
  for (const line of sql.split(/\r?\n/)) {
    if (/^\s*(--|$)/.test(line)) continue
    const trimmed = line.trimEnd()
    if (!trimmed.endsWith(';')) {
      current.push(trimmed)
      continue
    }
    current.push(trimmed.slice(0, -1))
    statements.push(current.join('\n'))
    current = []
  }
  if (current.length > 0) statements.push(current.join('\n'))
  return statements.filter((statement) => statement.trim() !== '')
}

interface AppliedMigration {
  readonly version: number
  readonly name: string
  readonly checksum: string
}

async function appliedMigrations(
  clickhouse: ClickHouse,
): Promise<ReadonlyMap<number, AppliedMigration>> {
  const rows = await ask<AppliedMigration>(
    clickhouse,
    'SELECT version, name, checksum FROM tidemark.schema_migrations FINAL',
  )
  return new Map(rows.map((row) => [row.version, row]))
}

function refuseForeign(
  applied: ReadonlyMap<number, AppliedMigration>,
  migrations: readonly Migration[],
): void {
  const known = new Map(migrations.map((migration) => [migration.version, migration]))
  const newest = migrations.at(-1)?.version ?? 0
  for (const { version, name, checksum } of applied.values()) {
    const migration = known.get(version)
    if (migration === undefined && version > newest) {
      throw new TidemarkError(
        'DATA_DIR_NEWER',
        `the ClickHouse tables are newer than this program: ${name} was applied, the newest known is ${newest}; run the newer program`,
        { details: { migration: name } },
      )
    }
    if (migration === undefined) throw invalid(`migration ${name} was applied and is gone`, name)
    if (migration.checksum !== checksum) {
      throw invalid(
        `migration ${migration.name} was changed after it was applied; restore it and add a new file instead`,
        migration.name,
      )
    }
  }
}

async function record(clickhouse: ClickHouse, migration: Migration, nowMs: number): Promise<void> {
  const seconds = `${Math.floor(nowMs / 1000)}`.padStart(10, '0')
  const fields = [migration.version, migration.name, migration.checksum, seconds]
  await clickhouse.insert(
    { database: 'tidemark', table: 'schema_migrations' },
    ['version', 'name', 'checksum', 'applied_at'],
    Buffer.from(`${fields.join('\t')}\n`),
  )
}

async function execute(clickhouse: ClickHouse, statement: string, name: string): Promise<void> {
  await runStatement(clickhouse, statement, `migration ${name}`)
}

function invalid(message: string, migration: string): TidemarkError {
  return new TidemarkError('CONFIGURATION_INVALID', message, { details: { migration } })
}
