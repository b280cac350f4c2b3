/** docs/facts.md, from the model. */
import type { AvroType } from '../../src/schema/avro-type.ts'
import type {
  DocumentedColumn,
  DocumentedTable,
  DocumentedTopic,
  FactsModel,
} from './facts-model.ts'
import { usualEventTime } from './facts-model.ts'
import type { Lineage } from './lineage.ts'

const head = `# Facts

<!-- Written by \`npm run docs\` from schemas/avro, src/facts and the topologies; change those. -->

Every table and column that Tidemark promises: what it means, its unit, the source events it comes from and how it is
computed. The path from the topics to the table is that of the topology's own graph.

Rows are versioned upserts: \`database.table\` is a view of the current rows, \`database.table_versions\` has all that
ClickHouse has not merged yet. Every row has besides its own columns:

| column | type | meaning |
| --- | --- | --- |
| \`event_time\` | DateTime64(3, 'UTC') | ${usualEventTime} |
| \`known_at\` | DateTime64(3, 'UTC') | When the row was computed. |
| \`version\` | UInt64 | Grows for each key: epoch << 48 \\| offset of the fact topic. |
| \`is_deleted\` | UInt8 | 1 where the row is gone; only in \`_versions\`. |

Beside the tables and views of this page a database may have others that hold no facts and are nothing to read:

| name | what it is |
| --- | --- |
| \`tidemark.fact_epoch_<hash>_<n>\` | Where instances share a ClickHouse, the n-th incarnation of a fact topic: a view whose comment says which it is, and its epoch. |
| \`tidemark.schema_lock\`, \`tidemark.schema_lock_lease_<id>_<n>\`, \`tidemark.schema_lock_broken_<id>\` | While an instance changes the tables of a ClickHouse that others share: who does, in the comment. |
| \`database.table_rebuild_<id>_versions\` | While a table is filled again from its fact topic: what takes its place, then the old one. |
| \`tidemark.quality_results_erase\` | While a person is erased: \`tidemark.quality_results\` without their names. |

In the fact topics times are milliseconds since 1970-01-01 UTC; in ClickHouse they are \`DateTime64(3, 'UTC')\`. A formula that is
empty means that the value is taken as it is. A text, a truth value and a time have no unit.
`

export function factsPage({ tables, topics }: FactsModel): string {
  const databases = [...new Set(tables.map(({ name }) => databaseOf(name)))]
  const parts = databases.flatMap((database) => {
    const own = tables.filter(({ name }) => databaseOf(name) === database)
    return [`## ${database}\n`, ...flowOf(own), ...own.map(tableText)]
  })
  const events = topics.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(topicText)
  const intro = 'What comes in: the topics, and the fields of their events.\n'
  return [head, ...parts, '## Source events\n', intro, ...events].join('\n')
}

function databaseOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}

/** Which topic reaches which table, as a picture. */
function flowOf(tables: readonly DocumentedTable[]): string[] {
  const edges = tables.flatMap(({ name, lineage, reads }) => {
    const table = name.slice(name.indexOf('.') + 1)
    if (lineage === null) {
      return reads.map(
        (read) => `  ${idOf(read)}[(${read.split('.')[1]})] --> ${idOf(name)}[/${table}/]`,
      )
    }
    return [
      ...lineage.topics.map(
        (topic) => `  ${idOf(topic)}([${topic}]) --> ${idOf(name)}[(${table})]`,
      ),
      ...lineage.broadcastTopics.map(
        (topic) => `  ${idOf(topic)}([${topic}]) -.-> ${idOf(name)}[(${table})]`,
      ),
    ]
  })
  if (edges.length === 0) return []
  return ['```mermaid', 'flowchart LR', ...edges, '```\n']
}

function idOf(name: string): string {
  return name.includes('.') ? name.replaceAll('.', '__') : `topic_${name}`
}

function tableText(table: DocumentedTable): string {
  const key = table.keyColumns.map((column) => `\`${column}\``).join(', ')
  return [
    `### ${table.name}\n`,
    `${table.meaning}\n`,
    ...(key === '' ? [] : [`Key: ${key}.\n`]),
    `${pathOf(table)}\n`,
    ...eventTimeOf(table),
    '| column | type | meaning | unit | source | formula |',
    '| --- | --- | --- | --- | --- | --- |',
    ...table.columns.map(columnRow),
    '',
  ].join('\n')
}

function eventTimeOf({ eventTime }: DocumentedTable): string[] {
  const isUsual = eventTime === '' || eventTime === usualEventTime
  return isUsual ? [] : [`\`event_time\`: ${eventTime}\n`]
}

function pathOf({ name, lineage, reads, origin }: DocumentedTable): string {
  const views = reads.filter((read) => !read.startsWith(name)).map((read) => `\`${read}\``)
  if (lineage === null) {
    return views.length > 0 ? `A view over ${views.join(', ')}.` : `Rests on ${origin}.`
  }
  const also = views.length > 0 ? `; the view reads ${views.join(', ')} as well` : ''
  return `Lineage: ${stepsOf(lineage)} → topic \`${name}\` → \`${name}_versions\` → view \`${name}\`${also}.`
}

function stepsOf({ topology, topics, broadcastTopics, processors, stores }: Lineage): string {
  const read = topics.map((topic) => `\`${topic}\``).join(', ')
  const everywhere = broadcastTopics.map((topic) => `\`${topic}\``).join(', ')
  const whole = everywhere === '' ? '' : ` (with all of ${everywhere})`
  const kept = stores.length === 0 ? '' : `, stores ${stores.join(', ')}`
  return `${read}${whole} → topology \`${topology}\`: ${processors.join(' → ')}${kept}`
}

function columnRow(column: DocumentedColumn): string {
  const { name, type, meaning, unit, sources, formula } = column
  const cells = [`\`${name}\``, type, meaning, unit, sources.map(sourceText).join(', '), formula]
  return `| ${cells.map(escaped).join(' | ')} |`
}

function sourceText(source: string): string {
  return source.includes(' ') ? source : `\`${source}\``
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function topicText({ name, meaning, fields }: DocumentedTopic): string {
  return [
    `### Topic ${name}\n`,
    `${meaning}\n`,
    '| field | type | meaning |',
    '| --- | --- | --- |',
    ...fields.map(
      (field) =>
        `| \`${field.name}\` | ${escaped(typeText(field.type))} | ${escaped(field.doc ?? '')} |`,
    ),
    '',
  ].join('\n')
}

function typeText(type: AvroType): string {
  switch (type.kind) {
    case 'union':
      return type.branches.map(typeText).join(' or ')
    case 'array':
      return `array of ${typeText(type.items)}`
    case 'map':
      return `map of ${typeText(type.values)}`
    case 'enum':
      return type.symbols.join(', ')
    case 'record':
      return `record ${type.name.slice(type.name.lastIndexOf('.') + 1)}`
    default:
      return ('logicalType' in type ? type.logicalType : undefined) ?? type.kind
  }
}
