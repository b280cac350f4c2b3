/**
 * Where a column comes from: the fields that its note names, those that its formula names, or the fields of the
 * same name in the topics that its table rests on. Names that lead nowhere are faults.
 */
import type { ColumnNote, TableNotes } from '../../src/core/fact-table.ts'
import type { DocumentedTopic } from './facts-model.ts'
import type { Lineage } from './lineage.ts'

export interface SourcedTable {
  readonly name: string
  readonly meaning: string
  readonly keyColumns: readonly string[]
  readonly eventTime: string
  readonly lineage: Lineage | null
  readonly notes: TableNotes
  readonly reads: readonly string[]
  readonly isUnion: boolean
  readonly columns: readonly {
    readonly name: string
    readonly type: string
    readonly meaning: string
  }[]
}

interface Inherited extends ColumnNote {
  readonly meaning: string
}

export class ColumnSources {
  readonly #tables: ReadonlyMap<string, SourcedTable>
  readonly #topics: ReadonlyMap<string, DocumentedTopic>
  readonly #faults: string[]
  readonly #found = new Map<string, readonly string[]>()

  constructor(
    tables: readonly SourcedTable[],
    topics: readonly DocumentedTopic[],
    faults: string[],
  ) {
    this.#tables = new Map(tables.map((table) => [table.name, table]))
    this.#topics = new Map(topics.map((topic) => [topic.name, topic]))
    this.#faults = faults
  }

  /** What a view's column is in the table that the view takes it from under the same name. */
  inherited(table: SourcedTable, column: string): Inherited | undefined {
    const parent = this.#parentsOf(table, column)[0]
    if (parent === undefined) return undefined
    const found = parent.columns.find(({ name }) => name === column)
    const above = this.inherited(parent, column)
    const note = parent.notes.columns[column]
    return { ...above, ...note, meaning: (found?.meaning || above?.meaning) ?? '' }
  }

  of(table: SourcedTable, column: string): readonly string[] {
    const place = `${table.name}.${column}`
    const known = this.#found.get(place)
    if (known !== undefined) return known
    // A formula that names its own column, by way of others, ends here.
    this.#found.set(place, [])
    const sources = [...new Set(this.#search(table, column))].sort()
    if (sources.length === 0 && !this.#isClosed(table, column)) {
      this.#faults.push(`${place} comes from nowhere: say from which fields in src/facts/columns`)
    }
    this.#found.set(place, sources)
    return sources
  }

  #isClosed(table: SourcedTable, column: string): boolean {
    return table.columns.every(({ name }) => name !== column)
  }

  #search(table: SourcedTable, column: string): readonly string[] {
    const { from, formula } = table.notes.columns[column] ?? {}
    const named = [...(from ?? []), ...namesIn(formula ?? '')]
    const sources = named.flatMap((name) => this.#resolve(table, column, name))
    if (sources.length > 0 || from !== undefined) return sources
    const parents = this.#parentsOf(table, column)
    if (parents.length > 0) return parents.flatMap((parent) => this.of(parent, column))
    if (table.notes.origin !== undefined) return [table.notes.origin]
    if (formula !== undefined) return []
    return this.#topicsOf(table).flatMap((topic) =>
      this.#hasField(topic, column) ? [`${topic}.${column}`] : [],
    )
  }

  #resolve(table: SourcedTable, column: string, name: string): readonly string[] {
    if (table.columns.some((candidate) => candidate.name === name)) {
      return name === column ? [] : this.of(table, name)
    }
    const end = name.lastIndexOf('.')
    const [owner, field] = [name.slice(0, end), name.slice(end + 1)]
    const other = this.#tables.get(owner)
    if (other?.columns.some((candidate) => candidate.name === field) === true) {
      return this.of(other, field)
    }
    const topics = this.#topicsOf(table)
    if (topics.includes(name)) return [name]
    if (topics.includes(owner) && this.#hasField(owner, field)) return [name]
    const place = `${table.name}.${column}`
    this.#faults.push(`${place} names ${name}, which is no column of it and no field it rests on`)
    return []
  }

  #hasField(topic: string, field: string): boolean {
    return this.#topics.get(topic)?.fields.some(({ name }) => name === field) ?? false
  }

  /** A view rests on what the tables rest on that it reads. */
  #topicsOf(table: SourcedTable): readonly string[] {
    const { lineage, notes, reads } = table
    if (notes.sources !== undefined) return notes.sources
    if (lineage !== null) return [...lineage.topics, ...lineage.broadcastTopics]
    const tables = reads.map((read) => this.#tables.get(read.replace(/_versions$/, '')))
    return tables.flatMap((read) => (read === undefined ? [] : this.#topicsOf(read)))
  }

  #parentsOf(table: SourcedTable, column: string): readonly SourcedTable[] {
    if (table.lineage !== null) return []
    const parents = table.reads
      .map((read) => this.#tables.get(read.replace(/_versions$/, '')))
      .filter((parent) => parent !== undefined)
      .filter((parent) => parent.columns.some(({ name }) => name === column))
    return table.isUnion ? parents : parents.slice(0, 1)
  }
}

/** What stands in backticks. */
function namesIn(formula: string): readonly string[] {
  return [...formula.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}
