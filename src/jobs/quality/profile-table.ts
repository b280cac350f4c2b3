/** Data profiling: what is in a table, column by column, in one statement. */
import { TidemarkError } from '../../core/errors.ts'
import { quoteIdentifier } from '../../sinks/clickhouse/fact-table-ddl.ts'
import { instant } from './period.ts'
import { readRows, ifMeasurable, type Reading } from './read-rows.ts'

/** Numbers are text where they are times; null where the column’s type has none. */
export interface ColumnProfile {
  readonly column: string
  /** ClickHouse’s type. */
  readonly type: string
  readonly rows: number
  readonly nulls: number
  /** About: the estimate of `uniq`, within some percent. Null for lists and maps. */
  readonly distinct: number | null
  /** Of lists and maps, of their lengths; of texts the first and the last in order. */
  readonly min: string | null
  readonly max: string | null
  readonly mean: number | null
  /** About, of numbers and lengths. */
  readonly p05: number | null
  readonly p25: number | null
  readonly median: number | null
  readonly p75: number | null
  readonly p95: number | null
}

export interface ProfileOptions {
  readonly table: string
  /** Rows that were computed since then; null: all. */
  readonly sinceMs: number | null
  readonly reading: Reading
}

interface Column {
  readonly name: string
  readonly type: string
}

type Kind = 'number' | 'length' | 'ordered' | 'opaque'

const levels = [0.05, 0.25, 0.5, 0.75, 0.95]
const textLengthMax = 100

/** @throws TidemarkError REQUEST_INVALID where there is no such table, QUERY_FAILED where it is too much to ask */
export async function profileTable(options: ProfileOptions): Promise<readonly ColumnProfile[]> {
  const { table, reading } = options
  const [database = '', name = ''] = table.split('.')
  const columns = await readRows<Column>(
    reading,
    `SELECT name, type FROM system.columns WHERE database = '${database}' AND table = '${name}' ORDER BY position`,
  )
  if (columns.length === 0) {
    throw new TidemarkError(
      'REQUEST_INVALID',
      `quality: there is no table ${table}; docs/facts.md lists them`,
    )
  }
  const outcome = await ifMeasurable(
    readRows<Record<string, unknown>>(reading, statement(options, columns)),
  )
  if ('reason' in outcome) {
    const mend =
      'ask for fewer days, or raise quality.statementTimeMaxMs and quality.memoryBytesMax'
    throw new TidemarkError('QUERY_FAILED', `${table} is too large: ${outcome.reason}; ${mend}`)
  }
  const found = outcome.value[0] ?? {}
  return columns.map((column, index) => profileOf(column, index, found))
}

function statement({ table, sinceMs }: ProfileOptions, columns: readonly Column[]): string {
  const [database = '', name = ''] = table.split('.')
  const figures = columns.flatMap(({ name: column, type }, index) =>
    figuresOf(quoteIdentifier(column), kindOf(type), index),
  )
  const where = sinceMs === null ? '' : ` WHERE known_at >= ${instant(sinceMs)}`
  return `SELECT ${['count() AS rows', ...figures].join(',\n  ')}
FROM ${quoteIdentifier(database)}.${quoteIdentifier(name)}${where}`
}

function figuresOf(column: string, kind: Kind, index: number): readonly string[] {
  const value = kind === 'length' ? `length(${column})` : column
  const figures = [`countIf(isNull(${column})) AS nulls_${index}`]
  if (kind === 'opaque') return figures
  figures.push(`toString(min(${value})) AS min_${index}`, `toString(max(${value})) AS max_${index}`)
  if (kind !== 'length') figures.push(`uniq(${column}) AS distinct_${index}`)
  if (kind !== 'ordered') {
    figures.push(`avg(${value}) AS mean_${index}`)
    figures.push(`quantiles(${levels.join(', ')})(${value}) AS quantiles_${index}`)
  }
  return figures
}

function kindOf(type: string): Kind {
  const plain = type.replace(/^(?:LowCardinality\(|Nullable\()+/, '')
  if (/^(?:Array|Map)\(/.test(plain)) return 'length'
  if (/^(?:U?Int|Float|Decimal)\d*/.test(plain)) return 'number'
  if (/^(?:String|Date|Enum|Bool|UUID|FixedString)/.test(plain)) return 'ordered'
  return 'opaque'
}

function profileOf(
  { name, type }: Column,
  index: number,
  found: Readonly<Record<string, unknown>>,
): ColumnProfile {
  const rows = Number(found['rows'] ?? 0)
  const of = (figure: string) => found[`${figure}_${index}`] ?? null
  const nulls = Number(of('nulls') ?? 0)
  // Aggregates of no value are the type’s default, which says nothing.
  const isEmpty = rows === nulls
  const number = (value: unknown) => (isEmpty || value === null ? null : Number(value))
  const text = (value: unknown) =>
    isEmpty || value === null ? null : (value as string).slice(0, textLengthMax)
  const [p05, p25, median, p75, p95] = (of('quantiles') ?? []) as readonly unknown[]
  return {
    column: name,
    type,
    rows,
    nulls,
    distinct: of('distinct') === null ? null : Number(of('distinct')),
    min: text(of('min')),
    max: text(of('max')),
    mean: number(of('mean')),
    p05: number(p05 ?? null),
    p25: number(p25 ?? null),
    median: number(median ?? null),
    p75: number(p75 ?? null),
    p95: number(p95 ?? null),
  }
}
