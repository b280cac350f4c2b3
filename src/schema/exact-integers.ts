/**
 * avsc's integers, made exact. avsc reads and writes a long through its zigzag form in a double, which from
 * 2^52 on is no longer exact: −2^52 − 1 comes back as +2^52. Those few take the long way, through BigInt; and
 * an int beyond 32 bits is refused, not returned.
 */
import avro from 'avsc'
import type { Type } from 'avsc'
import { longMax } from './avro-type.ts'
import type { Tap } from './avsc-tap.ts'

/** Below, the zigzag form is at most 2^53. */
const zigzagExactMax = 2 ** 52
const varintBytesMax = 10

export class ExactInt extends avro.types.IntType {
  _read(tap: Tap): number {
    const value = tap.readLong()
    if (value !== (value | 0)) throw new Error(`${value} is not an int of 32 bits`)
    return value
  }
}

export class ExactLong extends avro.types.LongType {
  _read(tap: Tap): number {
    const value = readLong(tap)
    if (Math.abs(value) > longMax) throw new Error('a long is beyond ±(2^53 − 1): precision loss')
    return value
  }

  _write(tap: Tap, value: unknown): void {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new Error('no exact long')
    if (value > -zigzagExactMax && value < zigzagExactMax) tap.writeLong(value)
    else writeWide(tap, value)
  }
}

export class ExactFloat extends avro.types.FloatType {
  _update(resolver: { _read: unknown }, writer: Type): void {
    if (writer.typeName === 'long') resolver._read = readLong
    else updateOf(avro.types.FloatType).call(this, resolver, writer)
  }
}

export class ExactDouble extends avro.types.DoubleType {
  _update(resolver: { _read: unknown }, writer: Type): void {
    if (writer.typeName === 'long') resolver._read = readLong
    else updateOf(avro.types.DoubleType).call(this, resolver, writer)
  }
}

type Update = (this: Type, resolver: { _read: unknown }, writer: Type) => void

function updateOf(base: { readonly prototype: object }): Update {
  return (base.prototype as { _update: Update })._update
}

/** The nearest double; exact up to 2^53. */
function readLong(tap: Tap): number {
  const start = tap.pos
  const value = tap.readLong()
  if (value > -zigzagExactMax && value < zigzagExactMax) return value
  return readWide(tap, start)
}

function readWide(tap: Tap, start: number): number {
  let zigzag = 0n
  for (let index = 0; index < varintBytesMax; index++) {
    const byte = tap.buf[start + index] ?? 0
    zigzag |= BigInt(byte & 0x7f) << BigInt(7 * index)
    if (byte < 0x80) return Number((zigzag >> 1n) ^ -(zigzag & 1n))
  }
  throw new Error(`a number of more than ${varintBytesMax} bytes`)
}

function writeWide(tap: Tap, value: number): void {
  const wide = BigInt(value)
  let zigzag = (wide << 1n) ^ (wide >> 63n)
  for (; zigzag > 0x7fn; zigzag >>= 7n) tap.buf[tap.pos++] = Number(zigzag & 0x7fn) | 0x80
  tap.buf[tap.pos++] = Number(zigzag)
}
