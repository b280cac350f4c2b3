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
const signBit = 1n << 63n

export function encodeTuple(parts: readonly KeyPart[]): Buffer {
  const chunks: Buffer[] = []
  for (const part of parts) {
    if (typeof part === 'string') chunks.push(encodeString(part))
    else chunks.push(encodeInteger(part))
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

function encodeString(text: string): Buffer {
  if (!text.includes('\0')) {
    const length = Buffer.byteLength(text)
    const bytes = Buffer.allocUnsafe(length + 2)
    bytes[0] = stringMark
    bytes.write(text, 1)
    bytes[length + 1] = 0
    return bytes
  }
  const pieces = text.split('\0').map((piece) => Buffer.from(piece))
  const escape = Buffer.from([0x00, 0xff])
  const joined = pieces.flatMap((piece, index) => (index === 0 ? [piece] : [escape, piece]))
  return Buffer.concat([Buffer.from([stringMark]), ...joined, Buffer.from([0])])
}

function encodeInteger(value: number): Buffer {
  if (!Number.isSafeInteger(value)) throw new RangeError(`key part ${value} is not a safe integer`)
  const bytes = Buffer.allocUnsafe(9)
  bytes[0] = integerMark
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)) ^ signBit, 1)
  return bytes
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
  while (end !== -1 && bytes[end + 1] === 0xff) end = bytes.indexOf(0, end + 2)
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
