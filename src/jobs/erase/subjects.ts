/**
 * Whether a record is about one of the persons who are to be erased, or names one.
 *
 *  1. What can be read is judged by the fields that its topic says name a person.
 *  2. What cannot be read is the person's where their name stands in its bytes, as a word of its own.
 */
import type { ConsumerRecord } from '../../core/record.ts'
import type { ValueCodec } from '../../core/serde.ts'
import type { PersonField, TopicDefinition } from '../../core/topic.ts'

export interface Subjects {
  /** As `PersonField.kind`. */
  readonly kind: string
  readonly names: ReadonlySet<string>
}

/** `mention`: the record stays without the name. */
export type Verdict = 'other' | 'about' | 'mention'

type Fields = Readonly<Record<string, unknown>>

export class Persons {
  readonly topic: TopicDefinition
  readonly #codec: ValueCodec<unknown>
  readonly #fields: readonly PersonField[]
  readonly #names: ReadonlySet<string>
  readonly #numbers: ReadonlySet<number>

  constructor(topic: TopicDefinition, codec: ValueCodec<unknown>, { kind, names }: Subjects) {
    this.topic = topic
    this.#codec = codec
    this.#fields = (topic.persons ?? []).filter((field) => field.kind === kind)
    this.#names = names
    this.#numbers = new Set([...names].map(Number).filter(Number.isFinite))
  }

  /** False of a topic that names no person of the kind. */
  get areNamed(): boolean {
    return this.#fields.length > 0
  }

  async prepare(values: readonly (Buffer | null)[]): Promise<void> {
    await this.#codec.prepare(values)
  }

  /** Its schema must be known by now. */
  ofRecord({ key, value }: Pick<ConsumerRecord, 'key' | 'value'>): Verdict {
    if (value === null) return this.#ofDelete(key)
    try {
      return this.ofFields(this.#codec.decode(value) as Fields) ?? 'other'
    } catch {
      return this.ofBytes(key, value)
    }
  }

  /** Null where the fields are none that the topic has its persons in. */
  ofFields(fields: Fields): Verdict | null {
    if (this.#fields.length > 0 && !this.#fields.some(({ field }) => field in fields)) return null
    const found = this.#namedIn(fields)
    if (found.length === 0) return 'other'
    return found.every(({ isMention }) => isMention === true) ? 'mention' : 'about'
  }

  /** The value without the names in it. */
  withoutMentions(fields: Fields): Fields {
    const named = this.#namedIn(fields).map(({ field }) => [field, null] as const)
    return { ...fields, ...Object.fromEntries(named) }
  }

  encodedWithoutMentions(value: Buffer): Buffer {
    return this.#codec.encode(this.withoutMentions(this.#codec.decode(value) as Fields))
  }

  ofBytes(...parts: readonly (Buffer | null)[]): Verdict {
    if (!this.areNamed) return 'other'
    return parts.some((bytes) => bytes !== null && hasWord(bytes, this.#names)) ? 'about' : 'other'
  }

  /** A delete has nothing but its key. */
  #ofDelete(key: Buffer | null): Verdict {
    const about = this.#fields.filter(({ isMention }) => isMention !== true)
    if (key === null || about.length === 0) return 'other'
    try {
      const parts: unknown = this.topic.keySerde.deserialize(key)
      const isNamed = (part: unknown) => about.some((field) => this.#isNamed(field, part))
      return Array.isArray(parts) && parts.some(isNamed) ? 'about' : 'other'
    } catch {
      return this.ofBytes(key)
    }
  }

  #namedIn(fields: Fields): readonly PersonField[] {
    return this.#fields.filter((person) => this.#isNamed(person, fields[person.field]))
  }

  #isNamed({ isNumber }: PersonField, value: unknown): boolean {
    if (typeof value !== 'string' && typeof value !== 'number') return false
    if (this.#names.has(String(value))) return true
    return isNumber === true && value !== '' && this.#numbers.has(Number(value))
  }
}

export function hasWord(bytes: Buffer, words: ReadonlySet<string>): boolean {
  for (const word of words) {
    const needle = Buffer.from(word)
    for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
      if (!isWordByte(bytes[at - 1]) && !isWordByte(bytes[at + needle.length])) return true
    }
  }
  return false
}

/** Digits and letters, those beyond ASCII among them. */
function isWordByte(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const isDigit = byte >= 0x30 && byte <= 0x39
  const lower = byte | 0x20
  return isDigit || (lower >= 0x61 && lower <= 0x7a) || byte >= 0x80
}

/** A JSON document whose texts with one of the words in them are replaced whole. */
export function withoutWords(json: unknown, words: ReadonlySet<string>): unknown {
  if (typeof json === 'string') return hasWord(Buffer.from(json), words) ? erasedText : json
  if (Array.isArray(json)) return json.map((part: unknown) => withoutWords(part, words))
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(
    Object.entries(json).map(([name, part]) => [
      withoutWords(name, words),
      withoutWords(part, words),
    ]),
  )
}

export const erasedText = '[erased]'
