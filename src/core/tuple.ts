/**
 * Keys made of several parts, as bytes whose order is the parts' order, so that a scan by the first parts is a
 * scan of one byte range. The encoding is FoundationDB's tuple layer, for strings and safe integers:
 * a type byte, then for strings UTF-8 with 0x00 written as 0x00 0xFF and a closing 0x00, for integers eight
 * big-endian bytes with the sign bit turned.
 */
import { TidemarkError } from './errors.ts'
import type { Serde } from './serde.ts'

export type KeyPart = string | number

const stringMark = 0x02
const integerMark = 0x15
const escapeMark = 0xff
const integerBytes = 8
const signBit = 1n << 63n

/** One allocation: keys are made for every record and every row. */
export function encodeTuple(parts: readonly KeyPart[]): Buffer {
  let length = 0
  for (const part of parts) length += encodedLength(part)
  const bytes = Buffer.allocUnsafe(length)
  let position = 0
  for (const part of parts) {
    position =
      typeof part === 'string'
        ? writeString(bytes, position, part)
        : writeInteger(bytes, position, part)
  }
  return bytes
}

function encodedLength(part: KeyPart): number {
  if (typeof part !== 'string') return 1 + integerBytes
  let escapes = 0
  for (let zero = part.indexOf('\0'); zero !== -1; zero = part.indexOf('\0', zero + 1)) escapes += 1
  return Buffer.byteLength(part) + escapes + 2
}

function writeString(bytes: Buffer, start: number, text: string): number {
  bytes[start] = stringMark
  let position = start + 1
  if (text.includes('\0')) {
    for (const byte of Buffer.from(text)) {
      bytes[position++] = byte
      if (byte === 0) bytes[position++] = escapeMark
    }
  } else position += bytes.write(text, position)
  bytes[position] = 0
  return position + 1
}

function writeInteger(bytes: Buffer, start: number, value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`key part ${value} is not a safe integer`)
  bytes[start] = integerMark
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)) ^ signBit, start + 1)
  return start + 1 + integerBytes
}

/** @throws TidemarkError FRAME_INVALID where the bytes are not a tuple */
export function decodeTuple(bytes: Buffer): KeyPart[] {
  const parts: KeyPart[] = []
  let position = 0
  while (position < bytes.length) {
    const mark = bytes[position]
    if (mark === integerMark && position + 9 <= bytes.length) {
      const raw = bytes.readBigUInt64BE(position + 1) ^ signBit
      parts.push(Number(BigInt.asIntN(64, raw)))
      position += 9
    } else if (mark === stringMark) {
      const end = endOfString(bytes, position + 1)
      const raw = bytes.toString('utf8', position + 1, end)
      parts.push(unescape(bytes, position + 1, end) ?? raw)
      position = end + 1
    } else {
      throw corrupt(position)
    }
  }
  return parts
}

function endOfString(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(0, start)
  while (end !== -1 && bytes[end + 1] === escapeMark) end = bytes.indexOf(0, end + 2)
  if (end === -1) throw corrupt(start)
  return end
}

/** The text where it holds an escaped zero byte; undefined where it holds none. */
function unescape(bytes: Buffer, start: number, end: number): string | undefined {
  const zero = bytes.indexOf(0, start)
  if (zero === end) return undefined
  const pieces: string[] = []
  let from = start
  for (let at = zero; at < end && at !== -1; at = bytes.indexOf(0, from)) {
    pieces.push(bytes.toString('utf8', from, at))
    from = at + 2
  }
  pieces.push(bytes.toString('utf8', from, end))
  return pieces.join('\0')
}

function corrupt(position: number): TidemarkError {
  return new TidemarkError('FRAME_INVALID', `key is not a tuple: unreadable at byte ${position}`)
}

export function tupleSerde<T extends readonly KeyPart[]>(): Serde<T> {
  return {
    serialize: (parts) => encodeTuple(parts),
    deserialize: (bytes) => decodeTuple(bytes) as unknown as T,
  }
}
