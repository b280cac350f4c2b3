/** A forest as text: format, sample size, number of trees; of each tree its number of nodes, features, cuts and rights. */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { TidemarkError } from '../../../core/errors.ts'
import type { IsolationForest, IsolationTree } from './isolation-forest.ts'

const format = 1
const headerBytes = 5
/** A feature, a cut and a right. */
const nodeBytes = 1 + 4 + 2
/** Of a forest that was not made here: 100 trees over 256 rows have a third of a million. */
const bytesMax = 64 * 1024 * 1024

export function forestText({ sampleSize, trees }: IsolationForest): string {
  const sizes = trees.map(({ features }) => 2 + features.length * nodeBytes)
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + size, headerBytes))
  bytes.writeUInt8(format, 0)
  bytes.writeUInt16LE(sampleSize, 1)
  bytes.writeUInt16LE(trees.length, 3)
  let at = headerBytes
  for (const { features, cuts, rights } of trees) {
    at = bytes.writeUInt16LE(features.length, at)
    for (const feature of features) at = bytes.writeUInt8(feature, at)
    for (const cut of cuts) at = bytes.writeFloatLE(cut, at)
    for (const right of rights) at = bytes.writeUInt16LE(right, at)
  }
  return deflateRawSync(bytes).toString('base64')
}

/** @throws TidemarkError QUERY_FAILED where it is no forest, or one of another format */
export function readForest(text: string): IsolationForest {
  try {
    return parseForest(inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: bytesMax }))
  } catch (thrown) {
    const message = 'tidemark.quality_models: a forest cannot be read; a newer version wrote it?'
    throw new TidemarkError('QUERY_FAILED', message, { cause: thrown })
  }
}

function parseForest(bytes: Buffer): IsolationForest {
  const found = bytes.readUInt8(0)
  if (found !== format) throw new RangeError(`format ${found}`)
  const sampleSize = bytes.readUInt16LE(1)
  const trees: IsolationTree[] = []
  let at = headerBytes
  for (let tree = bytes.readUInt16LE(3); tree > 0; tree -= 1) {
    const nodes = bytes.readUInt16LE(at)
    const features = at + 2
    const cuts = features + nodes
    const rights = cuts + 4 * nodes
    trees.push({
      features: Uint8Array.from({ length: nodes }, (_, node) => bytes.readUInt8(features + node)),
      cuts: Float32Array.from({ length: nodes }, (_, node) => bytes.readFloatLE(cuts + 4 * node)),
      rights: Uint16Array.from({ length: nodes }, (_, node) =>
        bytes.readUInt16LE(rights + 2 * node),
      ),
    })
    at = rights + 2 * nodes
  }
  if (at !== bytes.length) throw new RangeError('bytes are left over')
  return { sampleSize, trees }
}
