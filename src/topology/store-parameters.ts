/** Parameters as a store states them: a version for people, and a fingerprint, since a version may stay where a value is changed. */
import { createHash } from 'node:crypto'
import { TidemarkError } from '../core/errors.ts'
import type { StoreParameters } from '../state/stores.ts'

/** @param values plain data: all that decides what the store holds of the same events, the variants of models among it
 * @throws TidemarkError TOPOLOGY_INVALID where two different values could not be told apart */
export function storeParameters(version: string, values: unknown): StoreParameters {
  const text = JSON.stringify([version, canonical(values, [])])
  return { version, fingerprint: createHash('sha256').update(text).digest('hex') }

  /** Equal values have equal text, whatever the order of their keys. */
  function canonical(value: unknown, path: readonly string[]): unknown {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
    // JSON would write null for infinity.
    if (typeof value === 'number') return Number.isFinite(value) ? value : { number: String(value) }
    if (Array.isArray(value)) return value.map((each, at) => canonical(each, [...path, String(at)]))
    if (!isPlainObject(value)) throw refusal(value, path)
    const given = Object.entries(value).filter(([, each]) => each !== undefined)
    const entries = given.map(([key, each]) => [key, canonical(each, [...path, key])] as const)
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  function refusal(value: unknown, path: readonly string[]): TidemarkError {
    const place = path.length === 0 ? '' : ` at ${path.join('.')}`
    return new TidemarkError(
      'TOPOLOGY_INVALID',
      `parameters ${version}: a ${typeof value}${place} is no plain data, so a change of it would not be seen; state its ` +
        'values as numbers, texts, booleans, arrays and plain objects',
    )
  }
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
