/** Rows in memory under the rule that ClickHouse's tables keep: the greatest version of a key is the row. */
import { randomUUID } from 'node:crypto'
import { assert, present } from '../../core/assert.ts'
import { TidemarkError } from '../../core/errors.ts'
import { lostTableDetail } from '../lost-table.ts'
import type { Row, Sink, TableName, TableRows } from '../sink.ts'

export interface MemoryTable {
  readonly table: TableName
  readonly keyColumns: readonly string[]
}

interface HeldTable {
  readonly keyColumns: readonly string[]
  readonly identity: string
  readonly rows: Map<string, Row>
}

export class MemorySink implements Sink {
  readonly #wanted: readonly MemoryTable[]
  readonly #tables = new Map<string, HeldTable>()

  constructor(tables: readonly MemoryTable[]) {
    this.#wanted = tables
    this.#makeMissing()
  }

  setup(): Promise<void> {
    this.#makeMissing()
    return Promise.resolve()
  }

  lose(table: TableName): void {
    this.#tables.delete(nameOf(table))
  }

  #makeMissing(): void {
    for (const { table, keyColumns } of this.#wanted) {
      if (this.#tables.has(nameOf(table))) continue
      this.#tables.set(nameOf(table), { keyColumns, identity: randomUUID(), rows: new Map() })
    }
  }

  identitiesOf(tables: readonly TableName[]): Promise<readonly string[]> {
    const missing = tables.find((table) => !this.#tables.has(nameOf(table)))
    return missing === undefined
      ? Promise.resolve(tables.map((table) => this.#held(table).identity))
      : Promise.reject(noTable(missing))
  }

  /** Another table takes the place of this one. */
  exchange(table: TableName, identity: string, rows: readonly Row[]): void {
    const { keyColumns } = this.#held(table)
    const other = { keyColumns, identity, rows: new Map<string, Row>() }
    for (const row of rows) keep(other, row)
    this.#tables.set(nameOf(table), other)
  }

  write(batches: readonly TableRows[]): Promise<void> {
    for (const { table, rows } of batches) {
      const held = this.#tables.get(nameOf(table))
      if (held === undefined) return Promise.reject(noTable(table))
      for (const row of rows) keep(held, row)
    }
    return Promise.resolve()
  }

  /** The current rows, without the deleted ones and without `is_deleted`. */
  rows(table: TableName): Row[] {
    const { rows } = this.#held(table)
    const current: Row[] = []
    for (const { is_deleted: isDeleted, ...row } of rows.values()) {
      if (isDeleted !== 1) current.push(row)
    }
    return current
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #held(table: TableName): HeldTable {
    return present(this.#tables.get(nameOf(table)), `table ${nameOf(table)}`)
  }
}

function noTable(table: TableName): TidemarkError {
  const message = `the sink has no table ${nameOf(table)}`
  const details = { ...table, [lostTableDetail]: true }
  return new TidemarkError('SINK_REFUSED', message, { details })
}

function nameOf(table: TableName): string {
  return `${table.database}.${table.table}`
}

function keep(held: HeldTable, row: Row): void {
  const key = JSON.stringify(held.keyColumns.map((column) => row[column]))
  const before = held.rows.get(key)
  if (before === undefined || versionOf(before) <= versionOf(row)) held.rows.set(key, row)
}

function versionOf(row: Row): bigint {
  const { version } = row
  assert(typeof version === 'bigint', 'every row of a sink carries a version')
  return version
}
