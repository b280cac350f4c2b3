import { TidemarkError } from '../core/errors.ts'

/** One thing that is wrong with a value: where, and why. */
export interface Fault {
  /** `timestamp`, `answers[3].option`; empty for the value itself. */
  readonly path: string
  readonly reason: string
}

/** More are counted, not listed. */
const faultsListedMax = 20

/** SCHEMA_REFUSED with every fault of the value, for callers that answer field by field. */
export class SchemaRefusedError extends TidemarkError {
  readonly faults: readonly Fault[]

  constructor(what: string, faults: readonly Fault[]) {
    super('SCHEMA_REFUSED', `${what}: ${describeFaults(faults)}`, {
      details: {
        what,
        faults: faults.length,
        field: faults[0]?.path ?? '',
        reason: faults[0]?.reason ?? '',
      },
    })
    this.faults = faults
  }
}

export function describeFaults(faults: readonly Fault[]): string {
  const listed = faults
    .slice(0, faultsListedMax)
    .map(({ path, reason }) => (path === '' ? reason : `field "${path}": ${reason}`))
  const more = faults.length - listed.length
  return listed.join('; ') + (more > 0 ? `; and ${more} more` : '')
}

/** A place inside a value, as a walk goes down and up; written out only where a fault is found. */
export type Path = (string | number)[]

export function pathText(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_]\w*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** A value in words, short enough for a message. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') return short(JSON.stringify(value))
  if (typeof value === 'bigint') return short(`${value}n`)
  if (Buffer.isBuffer(value)) return `${value.length} bytes`
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return `a ${typeof value}`
}

function short(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}
