/**
 * The key of a record at the door. A topic that says what its values' key is derives it; a key that the
 * producer gives must then be the same one, in any of the forms a producer may write it in.
 */
import type { TopicDefinition } from '../core/topic.ts'
import { encodeTuple } from '../core/tuple.ts'

export type GivenKey =
  | { readonly form: 'json'; readonly json: unknown }
  | { readonly form: 'bytes'; readonly bytes: Buffer }

/** A given key is the derived one: as its parts, as its only part, as an object of the value's fields, or as
 * the bytes of the serialized key or of its only part's text. */
export function isSameKey(given: GivenKey, derived: unknown, derivedBytes: Buffer): boolean {
  const parts: readonly unknown[] = Array.isArray(derived) ? derived : [derived]
  if (given.form === 'bytes') {
    if (given.bytes.equals(derivedBytes)) return true
    return parts.length === 1 && given.bytes.equals(Buffer.from(String(parts[0])))
  }
  const { json } = given
  if (Array.isArray(json)) {
    return json.length === parts.length && json.every((part, index) => part === parts[index])
  }
  if (typeof json === 'object' && json !== null) {
    const values = Object.values(json)
    return values.length === parts.length && parts.every((part) => values.includes(part))
  }
  return parts.length === 1 && json === parts[0]
}

/** A given key in the topic's own form; null where it cannot be one. */
export function serializeGivenKey({ keySerde }: TopicDefinition, given: GivenKey): Buffer | null {
  if (given.form === 'bytes') return given.bytes
  const { json } = given
  if (json === null || (typeof json === 'object' && !Array.isArray(json))) return null
  try {
    if (!hasTupleKey(keySerde)) return keySerde.serialize(json)
    const parts: unknown[] = Array.isArray(json) ? json : [json]
    return parts.length > 0 && parts.every(isKeyPart) ? keySerde.serialize(parts) : null
  } catch {
    return null
  }
}

function isKeyPart(part: unknown): boolean {
  return typeof part === 'string' || Number.isSafeInteger(part)
}

const probe = encodeTuple(['probe'])

function hasTupleKey(serde: TopicDefinition['keySerde']): boolean {
  try {
    return Array.isArray(serde.deserialize(probe))
  } catch {
    return false
  }
}

/**
 * The fields that a value would need for a key: found by asking `keyOf` again with the empty ones filled in.
 * Each of `all` is needed where one is missing without it; otherwise any one of `any` would do.
 */
export function missingKeyFields(
  keyOf: (value: never) => unknown,
  value: Readonly<Record<string, unknown>>,
): { readonly fields: readonly string[]; readonly need: 'all' | 'any' } {
  const empty = Object.keys(value).filter((name) => value[name] === '' || value[name] === null)
  const hasKeyWith = (names: readonly string[]): boolean => {
    const filled = Object.fromEntries(names.map((name) => [name, 'x']))
    try {
      return keyOf({ ...value, ...filled } as never) !== null
    } catch {
      return false
    }
  }
  const needed = empty.filter((name) => !hasKeyWith(empty.filter((other) => other !== name)))
  if (needed.length > 0) return { fields: needed, need: 'all' }
  return { fields: empty.filter((name) => hasKeyWith([name])), need: 'any' }
}
