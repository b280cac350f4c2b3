/** A key as a person writes it, in a URL: JSON (`["t1","s1"]`, `42`, `{"base64":"…"}`) or plain text. */
import { isDeepStrictEqual } from 'node:util'
import { TidemarkError } from '../../core/errors.ts'
import type { Serde } from '../../core/serde.ts'
import { bytesOfForm } from './json-form.ts'

/**
 * The serialized key. What the store's serde reads back as it was given is taken; of several readings the first: JSON
 * where the text looks like a list, an object or a quoted string, the text itself, JSON, and a key of one part.
 * @throws TidemarkError REQUEST_INVALID where no reading is a key of this store
 */
export function keyBytesOf(serde: Serde<unknown>, text: string, store: string): Buffer {
  for (const candidate of readings(text)) {
    const bytes = serialized(serde, candidate)
    if (bytes !== null) return bytes
  }
  throw new TidemarkError(
    'REQUEST_INVALID',
    `${text.slice(0, 200)} is no key of store ${store}: give a key of several parts as a JSON list, ` +
      'a number or an object as JSON, bytes as {"base64":"…"}, text as it is',
    { details: { store } },
  )
}

function* readings(text: string): Generator {
  const json = parsed(text)
  const isStructured = json !== undefined && /^\s*["[{]/.test(text)
  if (isStructured) yield bytesOfForm(json.value) ?? json.value
  yield text
  if (isStructured) return
  if (json !== undefined) yield json.value
  yield [text]
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

function serialized(serde: Serde<unknown>, candidate: unknown): Buffer | null {
  try {
    const bytes: unknown = serde.serialize(candidate)
    if (!Buffer.isBuffer(bytes)) return null
    return isDeepStrictEqual(serde.deserialize(bytes), candidate) ? bytes : null
  } catch {
    return null
  }
}
