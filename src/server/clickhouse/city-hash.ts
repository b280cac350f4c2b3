/**
 * CityHash128 as ClickHouse's compressed frames use it: version 1.0.2 of Google's CityHash, whose results differ from
 * later versions. Pike and Alakuijala, "Introducing CityHash" (2011).
 */
const k0 = 0xc3a5c85c97cb3127n
const k1 = 0xb492b66fbe98f273n
const k2 = 0x9ae16a3b2f90404fn
const k3 = 0xc949d7c7509e6557n
const multiplier = 0x9ddfea08eb382d69n
const mask = 0xffffffffffffffffn

type Pair = readonly [low: bigint, high: bigint]

/** The two halves of the hash, the low one first. */
export function cityHash128(bytes: Buffer): Pair {
  if (bytes.length >= 16) {
    const seed: Pair = [word(bytes, 0) ^ k3, word(bytes, 8)]
    return seeded(bytes.subarray(16), seed)
  }
  if (bytes.length >= 8) {
    const length = BigInt(bytes.length)
    const seed: Pair = [word(bytes, 0) ^ times(length, k0), word(bytes, bytes.length - 8) ^ k1]
    return seeded(bytes.subarray(0, 0), seed)
  }
  return seeded(bytes, [k0, k1])
}

function word(bytes: Buffer, at: number): bigint {
  return bytes.readBigUInt64LE(at)
}

function plus(left: bigint, right: bigint): bigint {
  return (left + right) & mask
}

function times(left: bigint, right: bigint): bigint {
  return (left * right) & mask
}

/** To the right. */
function rotate(value: bigint, bits: bigint): bigint {
  return ((value >> bits) | (value << (64n - bits))) & mask
}

function shiftMix(value: bigint): bigint {
  return value ^ (value >> 47n)
}

function hashPair(low: bigint, high: bigint): bigint {
  const first = shiftMix(times(low ^ high, multiplier))
  return times(shiftMix(times(high ^ first, multiplier)), multiplier)
}

function hashShort(bytes: Buffer): bigint {
  const length = BigInt(bytes.length)
  if (bytes.length > 8) {
    const last = word(bytes, bytes.length - 8)
    return hashPair(word(bytes, 0), rotate(plus(last, length), length)) ^ last
  }
  if (bytes.length >= 4) {
    const first = BigInt(bytes.readUInt32LE(0))
    return hashPair(plus(length, first << 3n), BigInt(bytes.readUInt32LE(bytes.length - 4)))
  }
  if (bytes.length === 0) return k2
  const [first = 0] = bytes
  const middle = bytes[bytes.length >> 1] ?? 0
  const last = bytes[bytes.length - 1] ?? 0
  const y = BigInt(first + middle * 256)
  const z = BigInt(bytes.length + last * 4)
  return times(shiftMix(times(y, k2) ^ times(z, k3)), k2)
}

function weakHash(bytes: Buffer, at: number, first: bigint, second: bigint): Pair {
  const w = word(bytes, at)
  const z = word(bytes, at + 24)
  const start = plus(first, w)
  const turned = rotate((second + start + z) & mask, 21n)
  const sum = (start + word(bytes, at + 8) + word(bytes, at + 16)) & mask
  return [plus(sum, z), (turned + rotate(sum, 44n) + start) & mask]
}

function seeded(bytes: Buffer, seed: Pair): Pair {
  return bytes.length < 128 ? murmur(bytes, seed) : long(bytes, seed)
}

function murmur(bytes: Buffer, [low, high]: Pair): Pair {
  const { length } = bytes
  let a = low
  let b = high
  let c: bigint
  let d: bigint
  if (length <= 16) {
    a = times(shiftMix(times(a, k1)), k1)
    c = plus(times(b, k1), hashShort(bytes))
    d = shiftMix(plus(a, length >= 8 ? word(bytes, 0) : c))
  } else {
    c = hashPair(plus(word(bytes, length - 8), k1), a)
    d = hashPair(plus(b, BigInt(length)), plus(c, word(bytes, length - 16)))
    a = plus(a, d)
    for (let at = 0; at < length - 16; at += 16) {
      a = times(a ^ times(shiftMix(times(word(bytes, at), k1)), k1), k1)
      b ^= a
      c = times(c ^ times(shiftMix(times(word(bytes, at + 8), k1)), k1), k1)
      d ^= c
    }
  }
  a = hashPair(a, c)
  b = hashPair(d, b)
  return [a ^ b, hashPair(b, a)]
}

function long(bytes: Buffer, seed: Pair): Pair {
  let [x, y] = seed
  let z = times(BigInt(bytes.length), k1)
  const vLow = plus(times(rotate(y ^ k1, 49n), k1), word(bytes, 0))
  let v: Pair = [vLow, plus(times(rotate(vLow, 42n), k1), word(bytes, 8))]
  let w: Pair = [
    plus(times(rotate(plus(y, z), 35n), k1), x),
    times(rotate(plus(x, word(bytes, 88)), 53n), k1),
  ]
  let at = 0
  for (; bytes.length - at >= 128; at += 128) {
    for (const chunk of [at, at + 64]) {
      x = times(rotate((x + y + v[0] + word(bytes, chunk + 16)) & mask, 37n), k1) ^ w[1]
      y = times(rotate((y + v[1] + word(bytes, chunk + 48)) & mask, 42n), k1) ^ v[0]
      z = rotate(z ^ w[0], 33n)
      v = weakHash(bytes, chunk, times(v[1], k1), plus(x, w[0]))
      w = weakHash(bytes, chunk + 32, plus(z, w[1]), y)
      const swapped = z
      z = x
      x = swapped
    }
  }
  y = (y + times(rotate(w[0], 37n), k0) + z) & mask
  x = plus(x, times(rotate(plus(v[0], z), 49n), k0))
  for (let done = 32; done - 32 < bytes.length - at; done += 32) {
    const tail = bytes.length - done
    y = plus(times(rotate((y - x) & mask, 42n), k0), v[1])
    w = [plus(w[0], word(bytes, tail + 16)), w[1]]
    x = plus(times(rotate(x, 49n), k0), w[0])
    w = [plus(w[0], v[0]), w[1]]
    v = weakHash(bytes, tail, v[0], v[1])
  }
  x = hashPair(x, v[0])
  y = hashPair(y, w[0])
  return [plus(hashPair(plus(x, v[1]), w[1]), y), hashPair(plus(x, w[1]), plus(y, v[1]))]
}
