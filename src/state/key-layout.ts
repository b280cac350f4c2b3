/**
 * How the typed stores lay keys and values out as bytes. Every store has two regions, told apart by the first
 * byte, so that expiry never scans the data:
 *
 *     data   0 | key | suffix         suffix: none (key-value), start (window), end start (session)
 *     index  1 | time | … | key       in order of time; the value is empty
 *
 * Times are eight bytes, big-endian, with the sign bit turned, so that byte order is time order for negative
 * times too. The suffix has a fixed size and is parsed from the end; because one key may be a prefix of another,
 * a scan between two suffixes of a key meets other keys too, and checks.
 *
 *     value  1 | bytes                plain
 *            2 | time | bytes         with the time of the last write (key-value stores with a TTL)
 */
import { TidemarkError } from '../core/errors.ts'

export const dataMark = 0x00
export const indexMark = 0x01

const plainLayout = 1
const timedLayout = 2

export const timeBytes = 8
const turnedSignBit = 0x80000000
const lowWordRange = 0x100000000

export const emptyValue = Buffer.alloc(0)
export const dataEnd = Buffer.from([indexMark])
export const indexStart = Buffer.from([indexMark])

/** A write time for entries written before any stream time is known: they do not expire until written again. */
export const timeUnknownMs = Number.MAX_SAFE_INTEGER

/** @throws RangeError where the time is no safe integer; infinities are clamped, they occur in ranges */
export function writeTime(bytes: Buffer, position: number, timeMs: number): void {
  const clamped = clampTime(timeMs)
  if (!Number.isSafeInteger(clamped)) {
    throw new RangeError(`time ${timeMs} is not a whole number of milliseconds`)
  }
  const high = Math.floor(clamped / lowWordRange)
  bytes.writeUInt32BE((high ^ turnedSignBit) >>> 0, position)
  bytes.writeUInt32BE(clamped >>> 0, position + 4)
}

export function readTime(bytes: Buffer, position: number): number {
  const high = (bytes.readUInt32BE(position) ^ turnedSignBit) | 0
  return high * lowWordRange + bytes.readUInt32BE(position + 4)
}

function clampTime(timeMs: number): number {
  if (timeMs === Infinity) return Number.MAX_SAFE_INTEGER
  if (timeMs === -Infinity) return Number.MIN_SAFE_INTEGER
  return timeMs
}

/** The data key of a serialized key; `keyText` is its bytes as latin1. */
export function dataKey(keyText: string, ...suffixMs: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(1 + keyText.length + suffixMs.length * timeBytes)
  bytes[0] = dataMark
  bytes.write(keyText, 1, 'latin1')
  let position = 1 + keyText.length
  for (const timeMs of suffixMs) {
    writeTime(bytes, position, timeMs)
    position += timeBytes
  }
  return bytes
}

/** The index key: the times first, the key after them. */
export function indexKey(keyText: string, ...timesMs: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(1 + timesMs.length * timeBytes + keyText.length)
  bytes[0] = indexMark
  let position = 1
  for (const timeMs of timesMs) {
    writeTime(bytes, position, timeMs)
    position += timeBytes
  }
  bytes.write(keyText, position, 'latin1')
  return bytes
}

/** The first key after `key`. */
export function successor(key: Buffer): Buffer {
  const bytes = Buffer.alloc(key.length + 1)
  key.copy(bytes)
  return bytes
}

/** The first text that is greater than all texts that start with the prefix; null where there is none. */
export function afterPrefix(prefix: string): string | null {
  let length = prefix.length
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length -= 1
  if (length === 0) return null
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1)
}

export function frameValue(value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(1 + value.length)
  bytes[0] = plainLayout
  value.copy(bytes, 1)
  return bytes
}

export function frameTimedValue(value: Buffer, writtenMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(1 + timeBytes + value.length)
  bytes[0] = timedLayout
  writeTime(bytes, 1, writtenMs)
  value.copy(bytes, 1 + timeBytes)
  return bytes
}

/** When the entry was last written; unknown for the plain layout. */
export function writtenMsOf(framed: Buffer): number {
  return framed[0] === timedLayout && framed.length > timeBytes
    ? readTime(framed, 1)
    : timeUnknownMs
}

/** @throws TidemarkError DATA_DIR_NEWER for a layout that this version does not know */
export function unframeValue(framed: Buffer, store: string): Buffer {
  if (framed[0] === plainLayout) return framed.subarray(1)
  if (framed[0] === timedLayout && framed.length > timeBytes) return framed.subarray(1 + timeBytes)
  throw new TidemarkError(
    'DATA_DIR_NEWER',
    `store ${store}: a value has layout ${framed[0] ?? 'none'}, this version knows ${plainLayout} and ` +
      `${timedLayout}; run the version that wrote it, or reset the application to rebuild its state`,
    { details: { store, layout: framed[0] ?? null } },
  )
}
