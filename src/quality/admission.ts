/**
 * Admission: what a record must be before it enters a topic. Every door (HTTP, files, feeds, redrive) asks the
 * same question here and gets the bytes for the log, or the reason why not.
 *
 *  1. What is admitted can be decoded with the topic's schema and has the topic's key.
 *  2. Its times are in range, the record's and those of its value.
 *  3. Nothing waits: the codec is registered, and framed values are prepared, before the first record.
 */
import { isUtf8 } from 'node:buffer'
import type { ErrorCode } from '../core/errors.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import { noHeaders } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { AvroCodec } from '../schema/avro-codec.ts'
import type { Fault } from '../schema/faults.ts'
import { describeFaults, SchemaRefusedError } from '../schema/faults.ts'
import { runChecks, type Check } from './checks.ts'
import { eventTimeCheck, eventTimeFault } from './event-time.ts'
import { joinFailures, type CheckFailure, type QuarantineLevel } from './quarantine.ts'
import { isSameKey, missingKeyFields, serializeGivenKey, type GivenKey } from './record-key.ts'

export interface AdmissionTopic<K = any, V = any> {
  readonly definition: TopicDefinition<K, V>
  /** Registered. */
  readonly codec: AvroCodec<V>
  readonly checks?: readonly Check<V>[]
}

export type Content =
  /** A JSON document as it came. */
  | { readonly form: 'text'; readonly bytes: Buffer }
  /** A parsed JSON document; unions plain or in Avro's JSON form. Null is a tombstone. */
  | { readonly form: 'json'; readonly json: unknown }
  /** As a producer of the log would write it: magic, schema id, Avro. Null is a tombstone. */
  | { readonly form: 'framed'; readonly bytes: Buffer | null }
  /** What could not be read as either. */
  | { readonly form: 'unreadable'; readonly code: ErrorCode; readonly faults: readonly Fault[] }

export interface Candidate {
  readonly content: Content
  /** Absent: derived from the value. */
  readonly key?: GivenKey | undefined
  /** Absent: the value's event time, or else `fallbackMs`. */
  readonly timestampMs?: number | undefined
  readonly headers?: Headers | undefined
}

export interface Admitted {
  readonly admitted: true
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestampMs: number
  readonly headers: Headers
  readonly warnings: readonly CheckFailure<'Warning'>[]
}

export interface Refusal {
  readonly admitted: false
  readonly code: ErrorCode
  readonly check: string
  readonly level: QuarantineLevel
  /** Where and why, one by one. */
  readonly faults: readonly Fault[]
}

export function refusal(code: ErrorCode, faults: readonly Fault[]): Refusal {
  const unreadable = code === 'SCHEMA_REFUSED' || code.startsWith('KEY_') ? 'Error' : 'Critical'
  return { admitted: false, code, check: code.toLowerCase(), level: unreadable, faults }
}

export function reasonOf({ faults }: Refusal): string {
  return describeFaults(faults)
}

const noWarnings: Admitted['warnings'] = []

export function admit(
  topic: AdmissionTopic,
  candidate: Candidate,
  fallbackMs: number,
): Admitted | Refusal {
  const content = readable(candidate.content)
  if (content.form === 'unreadable') return refusal(content.code, content.faults)
  const given = content.form === 'json' ? content.json : content.bytes
  if (given === null) return admitTombstone(topic, candidate, fallbackMs)
  let value: unknown
  let bytes: Buffer
  try {
    if (content.form === 'json') {
      value = topic.codec.fromJson(content.json)
      bytes = topic.codec.encode(value)
    } else {
      bytes = given as Buffer
      value = topic.codec.decode(bytes)
    }
  } catch (thrown) {
    return refusalOf(thrown)
  }
  return admitValue(topic, candidate, value, bytes, fallbackMs)
}

function readable(content: Content): Exclude<Content, { form: 'text' }> {
  if (content.form !== 'text') return content
  const { bytes } = content
  try {
    // Where the bytes are no UTF-8, decoding would put other characters in their place.
    if (!isUtf8(bytes)) throw new SyntaxError('the bytes are not UTF-8')
    return { form: 'json', json: JSON.parse(bytes.toString('utf8')) }
  } catch (thrown) {
    const reason = `not JSON: ${messageOf(thrown)}`
    return { form: 'unreadable', code: 'JSON_INVALID', faults: [{ path: '', reason }] }
  }
}

function admitValue(
  topic: AdmissionTopic,
  candidate: Candidate,
  value: unknown,
  bytes: Buffer,
  fallbackMs: number,
): Admitted | Refusal {
  const timestampMs = candidate.timestampMs ?? topic.definition.eventTimeMsOf?.(value) ?? fallbackMs
  const beyond = timesRefusal(topic, value, timestampMs)
  if (beyond !== null) return beyond
  const key = keyFor(topic.definition, candidate.key, value)
  if (key !== null && 'admitted' in key) return key
  let warnings = noWarnings
  if (topic.checks !== undefined && topic.checks.length > 0) {
    const verdict = runChecks(topic.checks, value)
    const [first, ...others] = verdict.failures
    if (first !== undefined) {
      const { check, level } = joinFailures([first, ...others])
      const faults = verdict.failures.map(({ reason }) => ({ path: '', reason }))
      return { admitted: false, code: 'CHECK_FAILED', check, level, faults }
    }
    warnings = verdict.warnings
  }
  const headers = candidate.headers ?? noHeaders
  return { admitted: true, key, value: bytes, timestampMs, headers, warnings }
}

function timesRefusal(
  { definition }: AdmissionTopic,
  value: unknown,
  timestampMs: number,
): Refusal | null {
  const fault = eventTimeFault(definition.schema, value, timestampMs)
  if (fault === null) return null
  return { ...refusal('CHECK_FAILED', [fault]), check: eventTimeCheck }
}

function keyFor(
  definition: TopicDefinition,
  given: GivenKey | undefined,
  value: unknown,
): Buffer | null | Refusal {
  const { keyOf, keySerde } = definition
  if (keyOf === undefined) return given === undefined ? null : givenKey(definition, given)
  const derived = keyOf(value)
  if (derived === null) return keyMissing(definition, value as Record<string, unknown>)
  const bytes = keySerde.serialize(derived)
  if (given === undefined || isSameKey(given, derived, bytes)) return bytes
  const found = given.form === 'json' ? JSON.stringify(given.json) : `${given.bytes.length} bytes`
  const reason = `the value’s key is ${JSON.stringify(derived)}, the record’s is ${found}; leave it out`
  return refusal('KEY_MISMATCH', [{ path: 'key', reason }])
}

function givenKey(definition: TopicDefinition, given: GivenKey): Buffer | Refusal {
  const bytes = serializeGivenKey(definition, given)
  if (bytes !== null) return bytes
  return refusal('KEY_MISMATCH', [{ path: 'key', reason: `not a key of topic ${definition.name}` }])
}

function keyMissing(definition: TopicDefinition, value: Record<string, unknown>): Refusal {
  const { fields, need } = missingKeyFields(definition.keyOf as never, value)
  const reason = (name: string) =>
    `${value[name] === null ? 'null' : 'empty'}, and the key of topic ${definition.name} needs it` +
    (need === 'any' && fields.length > 1 ? `, or one of ${fields.join(', ')}` : '')
  if (fields.length === 0) {
    return refusal('KEY_MISSING', [{ path: '', reason: 'the value has no key' }])
  }
  return refusal(
    'KEY_MISSING',
    fields.map((name) => ({ path: name, reason: reason(name) })),
  )
}

/** A null value deletes what its key names; only a compacted topic has such a thing. */
function admitTombstone(
  topic: AdmissionTopic,
  { key, timestampMs: givenMs, headers }: Candidate,
  fallbackMs: number,
): Admitted | Refusal {
  const { definition } = topic
  const timestampMs = givenMs ?? fallbackMs
  if (definition.cleanupPolicy !== 'compact') {
    const reason = `null, and topic ${definition.name} keeps events: there is nothing to delete`
    return refusal('SCHEMA_REFUSED', [{ path: '', reason }])
  }
  if (key === undefined) {
    const reason = 'absent, and a null value deletes what its key names'
    return refusal('KEY_MISSING', [{ path: 'key', reason }])
  }
  const bytes = givenKey(definition, key)
  if ('admitted' in bytes) return bytes
  const beyond = timesRefusal(topic, null, timestampMs)
  if (beyond !== null) return beyond
  return {
    admitted: true,
    key: bytes,
    value: null,
    timestampMs,
    headers: headers ?? noHeaders,
    warnings: noWarnings,
  }
}

function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof SchemaRefusedError) return refusal('SCHEMA_REFUSED', thrown.faults)
  if (thrown instanceof TidemarkError && thrown.reaction === 'quarantine') {
    return refusal(thrown.code, [{ path: '', reason: thrown.message }])
  }
  throw thrown
}
