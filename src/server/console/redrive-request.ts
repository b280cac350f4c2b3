import { TidemarkError } from '../../core/errors.ts'

export interface RedriveRequest {
  /** Entries to produce again; absent means all that are still quarantined. */
  readonly ids?: readonly string[]
  readonly topic?: string
  /** Fields of the value to set first. */
  readonly set?: Readonly<Record<string, unknown>>
  /** A whole new value in place of the old: of one entry. */
  readonly value?: unknown
}

const known = ['ids', 'topic', 'set', 'value']

/** @throws TidemarkError REQUEST_INVALID */
export function readRedriveRequest(json: unknown): RedriveRequest {
  if (!isObject(json)) throw invalid('the body must be an object with ids, topic, set or value')
  const unknown = Object.keys(json).find((name) => !known.includes(name))
  if (unknown !== undefined) throw invalid(`${unknown} is not known; known are ${known.join(', ')}`)
  const { ids, topic, set, value } = json
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === 'string'))) {
    throw invalid('ids must be an array of texts')
  }
  if (topic !== undefined && typeof topic !== 'string') throw invalid('topic must be a text')
  if (set !== undefined && !isObject(set)) throw invalid('set must be an object of fields')
  if (value !== undefined && (ids as unknown[] | undefined)?.length !== 1) {
    throw invalid('value is for one entry: name its id in ids')
  }
  return json
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', message)
}
