/** What is expected of a table, as data: `expectations/` has one file a topology. SQL in it is about the table's columns. */
import type { FactTable } from '../../core/fact-table.ts'

export const dimensions = [
  'completeness',
  'accuracy',
  'consistency',
  'timeliness',
  'validity',
] as const
export type Dimension = (typeof dimensions)[number]

export const levels = ['Critical', 'Error', 'Warning', 'Info'] as const
export type Level = (typeof levels)[number]

/** What must hold in each row. */
export interface RowCheck {
  /** One of its table; part of `quality.thresholds`, so without commas. */
  readonly name: string
  readonly dimension: Dimension
  readonly level: Level
  /** A condition; where it is NULL a value is missing, which is the affair of completeness. */
  readonly holds: string
  /** Of which rows it is asked; absent: of all. */
  readonly where?: string
  /** Percent of the rows that may fail; absent: none. */
  readonly failedPercentMax?: number
}

/** A number of each row is what rows of another table add up to. */
export interface TotalCheck {
  readonly name: string
  /** Of the row. */
  readonly total: string
  /** The other table, `database.table`. */
  readonly of: string
  /** An aggregate over the other table. */
  readonly sum: string
  /** Which rows belong together: an own column, and what of the other table it is equal to. */
  readonly by: Readonly<Record<string, string>>
}

/** Values far from the others of their group, by Tukey’s fences. */
export interface OutlierCheck {
  readonly name: string
  readonly value: string
  readonly by: string
}

/** A number of a row that a model learns from. */
export interface LearntFeature {
  readonly name: string
  /** Of the row; rows where it is NULL or no finite number are left out. */
  readonly value: string
  /** `logarithmic`: counts and times, which are never negative and spread over magnitudes. */
  readonly scale: 'even' | 'logarithmic'
}

/** Rows unlike the others in several features together, by a model that learns from them. */
export interface UnusualCheck {
  readonly name: string
  /** Of which rows it is asked; absent: of all. */
  readonly where?: string
  readonly features: readonly LearntFeature[]
}

export interface TableExpectations {
  readonly fact: JudgedTable
  /** What makes a row of the view, where that is not the key of the fact table. */
  readonly key?: readonly string[]
  /** The key may hold empty text. */
  readonly isKeyEmptiable?: true
  /** Nullable columns whose NULL means something. Of all others NULL is counted as missing. */
  readonly mayBeNull?: readonly string[]
  /** Percent of NULL that is usual for a column, where it is not `quality.nullPercentMax`. */
  readonly nullPercentMax?: Readonly<Record<string, number>>
  /** Columns that tell two things apart whatever their identifiers are: rows alike in them are duplicates. */
  readonly naturalKey?: readonly string[]
  /** Rows stand for what came in: they are counted by day, and what was refused is compared with their number. */
  readonly isArrival?: true
  /** When it happened is a time of the clock, so that a row can be late. */
  readonly isTimed?: true
  readonly rows?: readonly RowCheck[]
  readonly totals?: readonly TotalCheck[]
  readonly outliers?: readonly OutlierCheck[]
  readonly unusual?: readonly UnusualCheck[]
}

export interface TopologyExpectations {
  readonly topology: string
  readonly tables: readonly TableExpectations[]
  /** Tables that nothing is expected of, and why. */
  readonly unjudged: Readonly<Record<string, string>>
}

/** A fact table as far as it matters here, whatever its rows are. */
export interface JudgedTable extends Pick<FactTable, 'database' | 'table' | 'keyColumns'> {
  readonly topic: { readonly schema: object }
}

export function tableName({ fact }: Pick<TableExpectations, 'fact'>): string {
  return `${fact.database}.${fact.table}`
}

/** Both ends belong to it. */
export function range(column: string, least: number, most: number): RowCheck {
  const holds = `${column} >= ${least} AND ${column} <= ${most}`
  return { name: `range:${column}`, dimension: 'validity', level: 'Error', holds }
}

export function atLeast(column: string, least: number): RowCheck {
  const holds = `${column} >= ${least}`
  return { name: `range:${column}`, dimension: 'validity', level: 'Error', holds }
}

export function oneOf(column: string, values: readonly string[]): RowCheck {
  const list = values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')
  const holds = `${column} IN (${list})`
  return { name: `allowed:${column}`, dimension: 'validity', level: 'Error', holds }
}

/** A column is what its formula says, but for rounding. @param where rows for which the formula is defined */
export function computed(column: string, formula: string, where?: string): RowCheck {
  return {
    name: `formula:${column}`,
    dimension: 'accuracy',
    level: 'Error',
    holds: `abs(${column} - (${formula})) <= 1e-6 * greatest(1, abs(${column}))`,
    ...(where === undefined ? {} : { where }),
  }
}

/** Columns of a row do not contradict each other. */
export function agrees(name: string, holds: string, where?: string): RowCheck {
  return {
    name,
    dimension: 'consistency',
    level: 'Error',
    holds,
    ...(where === undefined ? {} : { where }),
  }
}

/** What a row refers to is known. It may be on its way, so it is a warning. @param other `database.table.column` */
export function refersTo(column: string, other: string): RowCheck {
  const [database = '', table = '', key = ''] = other.split('.')
  return {
    name: `known:${column}`,
    dimension: 'consistency',
    level: 'Warning',
    holds: `${column} IN (SELECT ${key} FROM ${database}.${table})`,
    where: `${column} IS NOT NULL`,
    failedPercentMax: 5,
  }
}
