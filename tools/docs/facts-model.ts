/** Every table and column that readers see, with what the schemas, the topologies and the notes say of them. */
import type { ColumnNote, FactTable } from '../../src/core/fact-table.ts'
import { notesByTable } from '../../src/facts/columns/all.ts'
import type { NotesByTable } from '../../src/facts/columns/notes.ts'
import type { AvroField } from '../../src/schema/avro-type.ts'
import { parseAvro } from '../../src/schema/parse-avro.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { ColumnSources, type SourcedTable } from './column-sources.ts'
import { lineageOf, type Lineage } from './lineage.ts'
import type { Relation } from './relations.ts'

export interface DocumentedColumn {
  readonly name: string
  /** ClickHouse's type. */
  readonly type: string
  readonly meaning: string
  /** Empty: none. */
  readonly unit: string
  /** `topic.field`, or words. */
  readonly sources: readonly string[]
  /** Empty: taken as it is. */
  readonly formula: string
}

export interface DocumentedTable {
  /** `database.table`. */
  readonly name: string
  readonly meaning: string
  /** Empty: a view over other tables, which has no key of its own. */
  readonly keyColumns: readonly string[]
  /** Null: no topology writes it. */
  readonly lineage: Lineage | null
  readonly origin: string
  /** What its event_time is; empty where it has none. */
  readonly eventTime: string
  readonly reads: readonly string[]
  readonly columns: readonly DocumentedColumn[]
}

export interface DocumentedTopic {
  readonly name: string
  readonly meaning: string
  readonly fields: readonly AvroField[]
}

export interface FactsModel {
  readonly tables: readonly DocumentedTable[]
  readonly topics: readonly DocumentedTopic[]
  /** What is missing or names what is not there: each with its table and column. */
  readonly faults: readonly string[]
}

/** What `event_time` is where a table says nothing else. */
export const usualEventTime = 'Greatest event time that the row rests on.'

/** Columns that every table has; the page says once what they are. */
const commonColumns: ReadonlySet<string> = new Set([
  'event_time',
  'known_at',
  'version',
  'is_deleted',
])

/** What the documentation needs of a fact table, whatever its rows are. */
export interface DefinedFact extends Pick<
  FactTable,
  'database' | 'table' | 'keyColumns' | 'notes'
> {
  readonly topic: { readonly schema: object }
}

export interface ModelInput {
  readonly graphs: readonly TopologyGraph[]
  readonly facts: readonly DefinedFact[]
  readonly relations: readonly Relation[]
  /** Of what is no fact table; a fact table brings its own. */
  readonly notes?: NotesByTable
}

export function factsModel(input: ModelInput): FactsModel {
  const { graphs, facts, relations, notes = notesByTable } = input
  const faults: string[] = []
  const topics = sourceTopics(graphs)
  const factsByName = new Map(facts.map((fact) => [`${fact.database}.${fact.table}`, fact]))
  const tables = relations
    .filter(
      ({ name }) => !factsByName.has(name.replace(/_versions$/, '')) || !name.endsWith('_versions'),
    )
    .map((relation) => tableOf(relation, { graphs, factsByName, notes }))
  const sources = new ColumnSources(tables, topics, faults)
  for (const [name, fact] of factsByName) faults.push(...columnFaults(name, fact, relations))
  faults.push(...noteFaults(tables, notes))
  return {
    tables: tables.map((table) => documented(table, sources, faults)),
    topics,
    faults,
  }
}

/** Notes of what is not there. */
function noteFaults(tables: readonly SourcedTable[], notes: NotesByTable): string[] {
  const known = new Set(tables.map(({ name }) => name))
  const strays = Object.keys(notes).filter((name) => !known.has(name))
  const columns = tables.flatMap((table) => {
    const own = new Set(table.columns.map(({ name }) => name))
    const noted = Object.keys(table.notes.columns).filter((column) => !own.has(column))
    return noted.map((column) => `${table.name}.${column}`)
  })
  return [
    ...strays.map((name) => `${name} has notes in src/facts/columns, and is no table`),
    ...columns.map((column) => `${column} has a note, and is no column`),
  ]
}

function sourceTopics(graphs: readonly TopologyGraph[]): readonly DocumentedTopic[] {
  const topics = new Map<string, DocumentedTopic>()
  for (const node of graphs.flatMap((graph) => graph.nodes)) {
    if (node.kind !== 'source') continue
    const { name, schema } = node.topic
    topics.set(name, { name, ...recordOf(schema) })
  }
  return [...topics.values()]
}

function recordOf(schema: object): { meaning: string; fields: readonly AvroField[] } {
  const type = parseAvro(schema)
  if (type.kind !== 'record') return { meaning: '', fields: [] }
  return { meaning: type.doc ?? '', fields: type.fields }
}

interface Known {
  readonly graphs: readonly TopologyGraph[]
  readonly factsByName: ReadonlyMap<string, DefinedFact>
  readonly notes: NotesByTable
}

function tableOf(relation: Relation, { graphs, factsByName, notes }: Known): SourcedTable {
  const { name } = relation
  const fact = factsByName.get(name)
  const record = fact === undefined ? undefined : recordOf(fact.topic.schema)
  const noted = (fact === undefined ? notes[name] : fact.notes) ?? { columns: {} }
  const lineages = graphs.map((graph) => lineageOf(graph, name))
  const docs = new Map(record?.fields.map((field) => [field.name, field.doc ?? '']))
  return {
    name,
    meaning: noted.meaning ?? record?.meaning ?? '',
    keyColumns: fact?.keyColumns ?? [],
    eventTime: docs.get('event_time') ?? '',
    lineage: lineages.find((lineage) => lineage !== null) ?? null,
    notes: noted,
    reads: relation.reads.filter((read) => read !== `${name}_versions`),
    isUnion: relation.isUnion,
    columns: relation.columns
      .filter(
        (column) => !commonColumns.has(column.name) || noted.columns[column.name] !== undefined,
      )
      .map(({ name: column, type, comment }) => ({
        name: column,
        type,
        meaning: noted.columns[column]?.meaning ?? docs.get(column) ?? comment,
      })),
  }
}

function documented(
  table: SourcedTable,
  sources: ColumnSources,
  faults: string[],
): DocumentedTable {
  if (table.meaning === '') faults.push(`${table.name} has no meaning: ${whereMeaningsAre(table)}`)
  return {
    ...table,
    origin: table.notes.origin ?? '',
    columns: table.columns.map((column) => {
      const place = `${table.name}.${column.name}`
      const note: ColumnNote = table.notes.columns[column.name] ?? {}
      const inherited = sources.inherited(table, column.name)
      const meaning = column.meaning || (inherited?.meaning ?? '')
      const unit = unitOf(column.type, note.unit ?? inherited?.unit)
      if (meaning === '') faults.push(`${place} has no meaning: ${whereMeaningsAre(table)}`)
      if (unit === null)
        faults.push(`${place} is a number without a unit: say it in src/facts/columns`)
      return {
        name: column.name,
        type: column.type,
        meaning,
        unit: unit ?? '',
        sources: sources.of(table, column.name),
        formula: note.formula ?? inherited?.formula ?? '',
      }
    }),
  }
}

function whereMeaningsAre(table: SourcedTable): string {
  return table.keyColumns.length > 0
    ? `give it a doc in schemas/avro/${table.name}.avsc`
    : 'say it in src/facts/columns'
}

/** Null: a number needs one. */
function unitOf(type: string, noted: string | undefined): string | null {
  if (noted !== undefined) return noted
  if (/^(Nullable\()?DateTime64/.test(type)) return 'UTC, to the ms'
  return /(^|[(, ])(U?Int|Float|Decimal)\d/.test(type.replace(/Enum8\(.*\)/, '')) ? null : ''
}

/** The table and the schema of its topic have the same columns. */
function columnFaults(name: string, fact: DefinedFact, relations: readonly Relation[]): string[] {
  const versions = relations.find((relation) => relation.name === `${name}_versions`)
  if (versions === undefined) return [`${name}_versions is in no migration`]
  const stored = new Set(versions.columns.map((column) => column.name))
  const fields = new Set(recordOf(fact.topic.schema).fields.map((field) => field.name))
  const missing = [...fields, 'version', 'is_deleted'].filter((column) => !stored.has(column))
  const extra = [...stored].filter(
    (column) => !fields.has(column) && column !== 'version' && column !== 'is_deleted',
  )
  return [
    ...missing.map((column) => `${name}_versions lacks ${column}, which the schema has`),
    ...extra.map((column) => `${name}_versions.${column} is in no schema`),
  ]
}
