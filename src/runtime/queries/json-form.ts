/** Keys and values of stores as JSON: what JSON has no form for gets one that says what it is. */

const digitsMax = BigInt(Number.MAX_SAFE_INTEGER)

/**
 * Bytes are `{ "base64": "…" }`, integers beyond 2^53 are strings, times are ISO 8601, maps are lists of pairs, sets are
 * lists, and numbers that are no numbers are their names.
 */
export function jsonForm(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return value <= digitsMax && value >= -digitsMax ? Number(value) : value.toString()
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'object':
      return value === null ? null : objectForm(value)
    case 'undefined':
    case 'function':
    case 'symbol':
      return null
    default:
      return value
  }
}

function objectForm(value: object): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Map) {
    return [...value].map(([key, held]) => [jsonForm(key), jsonForm(held)])
  }
  if (value instanceof Set) return [...value].map(jsonForm)
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, jsonForm)
  if (Array.isArray(value)) return value.map(jsonForm)
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, held]) => held !== undefined)
      .map(([name, held]) => [name, jsonForm(held)]),
  )
}

/** The bytes that `jsonForm` has written; null for anything else. */
export function bytesOfForm(form: unknown): Buffer | null {
  if (typeof form !== 'object' || form === null || Array.isArray(form)) return null
  const [entry, ...rest] = Object.entries(form)
  if (entry === undefined || rest.length > 0 || entry[0] !== 'base64') return null
  return typeof entry[1] === 'string' ? Buffer.from(entry[1], 'base64') : null
}
