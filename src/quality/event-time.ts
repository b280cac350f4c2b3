/**
 * The range of times that a record may bear. Doors ask for what they take, the runtime for what others wrote to the
 * log: a time beyond it has no calendar to be computed with and no form in a column, so one such event would stop
 * whoever meets it.
 */
import { TidemarkError } from '../core/errors.ts'
import { describeFaults, type Fault } from '../schema/faults.ts'

export const eventTimeCheck = 'event_time_in_range'

/** 1900-01-01: where DateTime64 begins. */
export const eventTimeMinMs = Date.UTC(1900, 0, 1)
/** The last millisecond of 2285: ClickHouse reads seconds of up to ten digits, which end in 2286. */
export const eventTimeMaxMs = Date.UTC(2286, 0, 1) - 1

/** CHECK_FAILED, with the check's own name. */
export class EventTimeRefusedError extends TidemarkError {
  readonly check = eventTimeCheck

  constructor(fault: Fault) {
    super('CHECK_FAILED', describeFaults([fault]))
  }
}

export function isEventTime(ms: number): boolean {
  return Number.isInteger(ms) && ms >= eventTimeMinMs && ms <= eventTimeMaxMs
}

/** Null where the record's time and those of its value are in range; otherwise what was found and expected.
 * @param timestampMs of the record */
export function eventTimeFault(schema: object, value: unknown, timestampMs: number): Fault | null {
  if (value !== null) {
    for (const path of timeFieldsOf(schema)) {
      const ms = (value as Readonly<Record<string, unknown>>)[path]
      if (typeof ms === 'number' && !isEventTime(ms)) return { path, reason: reasonFor(ms) }
    }
  }
  if (isEventTime(timestampMs)) return null
  return { path: '', reason: `the record’s time is ${reasonFor(timestampMs)}` }
}

function reasonFor(ms: number): string {
  return (
    `${ms}; expected whole milliseconds since the epoch, from 1900-01-01 to 2285-12-31. ` +
    'Microseconds or nanoseconds look like this, and seconds with a fraction'
  )
}

const timeFields = new WeakMap<object, readonly string[]>()

/** The fields of a record's schema that hold milliseconds since the epoch; those that may be null too. */
function timeFieldsOf(schema: object): readonly string[] {
  const known = timeFields.get(schema)
  if (known !== undefined) return known
  const { fields = [] } = schema as { readonly fields?: readonly Field[] }
  const found = fields.filter(({ type }) => [type].flat().some(isTime)).map(({ name }) => name)
  timeFields.set(schema, found)
  return found
}

interface Field {
  readonly name: string
  /** As in Avro's JSON form. */
  readonly type: unknown
}

function isTime(type: unknown): boolean {
  return (
    typeof type === 'object' &&
    type !== null &&
    'logicalType' in type &&
    type.logicalType === 'timestamp-millis'
  )
}
