/**
 * The typed layer's keys: a serialized key as a latin1 string, which is what the caches are keyed by. One
 * character is one byte, so the order of the strings is the order of the bytes.
 */
import type { Serde } from '../core/serde.ts'

export class KeyText<K> {
  readonly #serde: Serde<K>
  /** A processor mostly gets a key and puts it right after. Arrays are compared by their parts, kept in a copy,
   * so that an array which the caller changes is another key. */
  #lastKey: unknown = undefined
  #lastParts: readonly unknown[] | null = null
  #lastText = ''

  constructor(serde: Serde<K>) {
    this.#serde = serde
  }

  of(key: K): string {
    if (typeof key === 'string' || typeof key === 'number') {
      if (Object.is(key, this.#lastKey)) return this.#lastText
      this.#lastText = this.#serialize(key)
      this.#lastKey = key
      this.#lastParts = null
      return this.#lastText
    }
    if (!Array.isArray(key)) return this.#serialize(key)
    if (this.#lastParts !== null && sameParts(key, this.#lastParts)) return this.#lastText
    this.#lastText = this.#serialize(key)
    this.#lastKey = undefined
    this.#lastParts = key.every(isPrimitive) ? [...(key as unknown[])] : null
    return this.#lastText
  }

  parse(text: string): K {
    return this.#serde.deserialize(Buffer.from(text, 'latin1'))
  }

  #serialize(key: K): string {
    return this.#serde.serialize(key).toString('latin1')
  }
}

function isPrimitive(part: unknown): boolean {
  return typeof part === 'string' || typeof part === 'number'
}

function sameParts(key: readonly unknown[], parts: readonly unknown[]): boolean {
  if (key.length !== parts.length) return false
  for (let index = 0; index < parts.length; index += 1) {
    if (!Object.is(key[index], parts[index])) return false
  }
  return true
}
