/**
 * An isolation forest: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008. What is unlike the rest is cut off by few random cuts.
 *
 *  1. Each tree is grown over a sample of the rows, each cut at a random value of a random feature in which they differ,
 *     no deeper than the sample needs on average. Growing takes O(trees × sample × log sample), whatever the table has.
 *  2. The same rows and the same seed give the same forest. The order of the rows counts: whoever trains puts them in one.
 *  3. A score is 2^(−E(h) / c(n)): near 1 few cuts, about 0.5 as many as it takes on average.
 */
import { assert, present } from '../../../core/assert.ts'
import { Random } from '../../../sources/random.ts'

/** Its nodes in the order in which they are met, each followed by all that is left of it. */
export interface IsolationTree {
  /** Which feature is cut; `leaf` where none is. */
  readonly features: Uint8Array
  /** Rows below it go left. */
  readonly cuts: Float32Array
  /** The node to the right; of a leaf, the rows of the sample that ended there. */
  readonly rights: Uint16Array
}

export interface IsolationForest {
  /** Rows that each tree was grown over. */
  readonly sampleSize: number
  readonly trees: readonly IsolationTree[]
}

export interface GrowOptions {
  readonly trees: number
  readonly sampleSizeMax: number
  readonly seed: number
}

/**
 * As many trees as the paper takes, over larger samples than its 256: a single row that is far off among thousands is then
 * told apart (docs/decisions/0020-what-is-unusual-is-learnt.md has figures).
 */
export const forestOptions = { trees: 100, sampleSizeMax: 1024 } as const

export const leaf = 255
/** A row, one number a feature. */
export type Features = readonly number[] | Float64Array

/** @param rows two at least, of one length, all finite */
export function growForest(rows: readonly Features[], options: GrowOptions): IsolationForest {
  const { trees, sampleSizeMax, seed } = options
  assert(rows.length >= 2, 'a forest needs two rows at least')
  assert(sampleSizeMax <= 32_768, 'a node’s number has 16 bits')
  const random = new Random(seed)
  const sampleSize = Math.min(rows.length, sampleSizeMax)
  const depthMax = Math.ceil(Math.log2(sampleSize))
  return {
    sampleSize,
    trees: Array.from({ length: trees }, () => {
      return growTree(sampleOf(rows, sampleSize, random), depthMax, random)
    }),
  }
}

/** Without repetition: Floyd's, which needs no copy of the rows. */
function sampleOf(rows: readonly Features[], size: number, random: Random): readonly Features[] {
  const chosen = new Set<number>()
  for (let last = rows.length - size; last < rows.length; last += 1) {
    const index = random.integer(last + 1)
    chosen.add(chosen.has(index) ? last : index)
  }
  return [...chosen].map((index) => present(rows[index], 'row of the sample'))
}

interface Nodes {
  readonly features: number[]
  readonly cuts: number[]
  readonly rights: number[]
}

function growTree(sample: readonly Features[], depthMax: number, random: Random): IsolationTree {
  const nodes: Nodes = { features: [], cuts: [], rights: [] }
  growNode(nodes, sample, depthMax, random)
  return {
    features: Uint8Array.from(nodes.features),
    cuts: Float32Array.from(nodes.cuts),
    rights: Uint16Array.from(nodes.rights),
  }
}

/** At most `depthMax` deep, so a call within a call is no danger to the stack. */
function growNode(nodes: Nodes, rows: readonly Features[], depthLeft: number, random: Random) {
  const node = nodes.features.length
  const found = depthLeft === 0 || rows.length <= 1 ? null : randomCut(rows, random)
  nodes.features.push(found?.feature ?? leaf)
  nodes.cuts.push(found?.cut ?? 0)
  nodes.rights.push(rows.length)
  if (found === null) return
  const isLeft = (row: Features) => valueOf(row, found.feature) < found.cut
  const left = rows.filter(isLeft)
  const right = rows.filter((row) => !isLeft(row))
  growNode(nodes, left, depthLeft - 1, random)
  nodes.rights[node] = nodes.features.length
  growNode(nodes, right, depthLeft - 1, random)
}

/** Null where the rows differ in nothing. */
function randomCut(
  rows: readonly Features[],
  random: Random,
): { readonly feature: number; readonly cut: number } | null {
  const features = Array.from(rows[0] ?? [], (_, feature) => feature)
  while (features.length > 0) {
    const [feature = 0] = features.splice(random.integer(features.length), 1)
    let least = Number.POSITIVE_INFINITY
    let most = Number.NEGATIVE_INFINITY
    for (const row of rows) {
      const value = valueOf(row, feature)
      least = Math.min(least, value)
      most = Math.max(most, value)
    }
    // Kept as 32 bits: a cut that rounds to an end, or beyond, would leave one side empty.
    const cut = Math.fround(least + random.next() * (most - least))
    if (cut > least && cut <= most) return { feature, cut }
    const half = Math.fround(least + (most - least) / 2)
    if (half > least && half <= most) return { feature, cut: half }
  }
  return null
}

/** From 0 to 1. */
export function anomalyScore({ trees, sampleSize }: IsolationForest, row: Features): number {
  const sum = trees.reduce((total, tree) => total + pathLength(tree, row), 0)
  return 2 ** (-(sum / trees.length) / averagePathLength(sampleSize))
}

function pathLength({ features, cuts, rights }: IsolationTree, row: Features): number {
  let node = 0
  for (let depth = 0; ; depth += 1) {
    const feature = features[node] ?? leaf
    const right = rights[node] ?? 0
    // Rows that a leaf did not tell apart would have needed so many cuts more.
    if (feature === leaf) return depth + averagePathLength(right)
    node = valueOf(row, feature) < (cuts[node] ?? 0) ? node + 1 : right
  }
}

const eulerConstant = 0.5772156649015329

/** Of an unsuccessful search in a binary search tree of so many rows: c(n) of the paper. */
export function averagePathLength(rows: number): number {
  if (rows <= 1) return 0
  if (rows === 2) return 1
  return 2 * (Math.log(rows - 1) + eulerConstant) - (2 * (rows - 1)) / rows
}

function valueOf(row: Features, feature: number): number {
  return row[feature] ?? Number.NaN
}
