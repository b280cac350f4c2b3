import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cityHash128 } from './city-hash.ts'

/** Length, low and high half, as go-faster/city's CH128 (which clickhouse-go checks frames with) has them for bytes
 * `i * 7 + ⌊i / 256⌋`. */
const known: readonly (readonly [number, bigint, bigint])[] = [
  [0, 0x3df09dfc64c09a2bn, 0x3cb540c392e51e29n],
  [3, 0x904c24441e897ae0n, 0xead37d2c71af49a5n],
  [5, 0x8a33b16f15c5be9fn, 0x6e561cb3e46be953n],
  [8, 0x4f8f9be1d179c9b5n, 0x7ae37c19937d40e6n],
  [12, 0x80614ff5054dbf6an, 0x4eef7733ab7b4c0n],
  [16, 0x83ec0fac4964837bn, 0xd275575faba34852n],
  [24, 0x5db5184a72e71ef2n, 0x87f90f46c106edd4n],
  [32, 0xfc63f6c038692042n, 0x1150d302127410d7n],
  [40, 0x54d196b23982124fn, 0x6b063802571562f5n],
  [100, 0x50a18d69ec80c550n, 0xc8c048b8c5d1e364n],
  [127, 0x92014b33a50c9fa1n, 0x90fe7c076ed61607n],
  [128, 0x7742777150cd6e44n, 0x35eeafd9d16b93d8n],
  [143, 0xbefd988d63110637n, 0x794a5b6c2ec5832bn],
  [144, 0x692e4b2ca634b28an, 0x4fa73d4eedd250cdn],
  [200, 0xd86306e495af33e1n, 0xdbf9f01063782843n],
  [300, 0x4ca98a43519cabbn, 0xdba0d7635c2c4fd5n],
  [1000, 0xd19c0c0675b1545n, 0x390d13c5b2fb9855n],
  [4099, 0x499be031cef86537n, 0x4e432153c40363bcn],
]

test('the hash of every length class is that of CityHash 1.0.2', () => {
  for (const [length, low, high] of known) {
    const bytes = Buffer.alloc(length)
    for (let index = 0; index < length; index++) bytes[index] = index * 7 + Math.floor(index / 256)
    assert.deepEqual(cityHash128(bytes), [low, high], `length ${length}`)
  }
})
