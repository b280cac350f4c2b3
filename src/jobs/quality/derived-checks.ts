/** What follows from a fact table itself: its nullable columns, its key, and the times that all tables have. */
import { parseAvro } from '../../schema/parse-avro.ts'
import type { AvroType } from '../../schema/avro-type.ts'
import type { JudgedTable, RowCheck, TableExpectations } from './expectation.ts'
import type { QualityOptions } from './quality-options.ts'

export type DerivedOptions = Pick<
  QualityOptions,
  'nullPercentMax' | 'latePercentMax' | 'timelyMs' | 'backfillMs'
>

/** Clocks of two machines differ. */
const clockSkewMs = 5 * 60_000

/** Milliseconds from the event until its row was computed. */
export const ageMs = '(toUnixTimestamp64Milli(known_at) - toUnixTimestamp64Milli(event_time))'

/** All that is asked of each row: the derived checks, then those of the expectations. */
export function rowChecksOf(table: TableExpectations, options: DerivedOptions): RowCheck[] {
  return [
    ...filledColumns(table, options),
    ...filledKey(table),
    ...times(table, options),
    ...(table.rows ?? []),
  ]
}

/** The columns of the fact topic’s schema, with the ones that may be NULL marked. */
export function columnsOf(
  fact: JudgedTable,
): readonly { readonly name: string; readonly isNullable: boolean; readonly isText: boolean }[] {
  const type = parseAvro(fact.topic.schema)
  if (type.kind !== 'record') return []
  return type.fields.map(({ name, type: ofField }) => ({
    name,
    isNullable: branches(ofField).some(({ kind }) => kind === 'null'),
    isText: ofField.kind === 'string',
  }))
}

function branches(type: AvroType): readonly AvroType[] {
  return type.kind === 'union' ? type.branches : [type]
}

function filledColumns(
  { fact, mayBeNull = [], nullPercentMax = {} }: TableExpectations,
  options: DerivedOptions,
): RowCheck[] {
  return columnsOf(fact)
    .filter(({ name, isNullable }) => isNullable && !mayBeNull.includes(name))
    .map(({ name }) => ({
      name: `filled:${name}`,
      dimension: 'completeness',
      level: 'Warning',
      holds: `${name} IS NOT NULL`,
      failedPercentMax: nullPercentMax[name] ?? options.nullPercentMax,
    }))
}

function filledKey({ fact, key, isKeyEmptiable }: TableExpectations): RowCheck[] {
  if (isKeyEmptiable === true) return []
  const texts = columnsOf(fact).filter(
    ({ name, isText }) => isText && (key ?? fact.keyColumns).includes(name),
  )
  if (texts.length === 0) return []
  const holds = texts.map(({ name }) => `${name} != ''`).join(' AND ')
  return [{ name: 'filled:key', dimension: 'completeness', level: 'Critical', holds }]
}

function times(
  { isTimed, isArrival }: TableExpectations,
  { latePercentMax, timelyMs, backfillMs }: DerivedOptions,
): RowCheck[] {
  if (isTimed !== true) return []
  const timely: RowCheck = {
    name: 'timely',
    dimension: 'timeliness',
    level: 'Warning',
    holds: `${ageMs} <= ${timelyMs}`,
    where: `${ageMs} <= ${backfillMs}`,
    failedPercentMax: latePercentMax,
  }
  // Of what came in; what is made of it is as far in the future as its latest event.
  if (isArrival !== true) return [timely]
  const holds = `${ageMs} >= -${clockSkewMs}`
  // Not even one: a learner's attempts after it are late.
  return [timely, { name: 'not_in_future', dimension: 'timeliness', level: 'Warning', holds }]
}
