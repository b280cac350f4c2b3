import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicName } from '../core/record.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { agreedEpoch, sharedFactEpoch } from './fact-epoch.ts'

const identities = (...ids: string[]) =>
  new Map(ids.map((id, index) => [topicName(`facts-${index}`), id]))
const used = (epoch: number) => () => Promise.resolve(epoch)

test('the first start takes an epoch above every one that ClickHouse has rows of', async () => {
  const meta = new MemoryRegistryStorage()
  assert.equal(await sharedFactEpoch(meta, identities('a'), used(4)), 5)
  assert.equal(await sharedFactEpoch(meta, identities('a'), used(5)), 5, 'and keeps it')
})

test('a fact topic that was made anew starts a new epoch, an added one does not', async () => {
  const meta = new MemoryRegistryStorage()
  assert.equal(await sharedFactEpoch(meta, identities('a'), used(0)), 1)
  assert.equal(await sharedFactEpoch(meta, identities('a', 'b'), used(1)), 1)
  assert.equal(await sharedFactEpoch(meta, identities('a', 'c'), used(1)), 2)
  assert.equal(await sharedFactEpoch(meta, identities('a'), used(2)), 2, 'of some topologies only')
})

test('instances that start at one moment agree, whatever ClickHouse tells each of them', async () => {
  const meta = new MemoryRegistryStorage()
  const epochs = await Promise.all([
    sharedFactEpoch(meta, identities('a'), used(0)),
    sharedFactEpoch(meta, identities('a'), used(7)),
    sharedFactEpoch(meta, identities('a'), used(3)),
  ])
  assert.equal(new Set(epochs).size, 1, epochs.join())
  assert.equal(agreedEpoch(await meta.load())?.generation, 1)
})

test('of two proposals of one generation the first in the topic counts, for late readers too', () => {
  const record = (generation: number, epoch: number) => ({
    key: `fact-epoch/${generation}/${epoch}`,
    value: JSON.stringify({ generation, epoch, topics: {} }),
  })
  const records = [record(1, 5), record(1, 9), record(3, 50), record(2, 6)]
  assert.equal(agreedEpoch(records)?.epoch, 6)
})
