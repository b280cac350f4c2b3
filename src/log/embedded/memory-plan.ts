/**
 * One budget for the memory of the embedded storage, shared out. What the binding lets us bound: memtables
 * (size × count per column family), whether a column family has a block cache (its size is RocksDB's
 * default of 32 MiB, it cannot be set), and what we hold ourselves. What it does not: index blocks of tables
 * without a block cache (about 30 bytes per log batch on disk), a few KiB per open file, and the memory that
 * reads under way take.
 */
import { TidemarkError } from '../../core/errors.ts'

export interface MemoryPlan {
  /** Of each of `writeBuffersMax` memtables. */
  readonly logWriteBufferBytes: number
  readonly stateWriteBufferBytes: number
  readonly metaWriteBufferBytes: number
  readonly writeBuffersMax: number
  /** The state's block cache, 32 MiB, or none where the budget is small. */
  readonly stateBlockCache: boolean
  readonly tailCacheBytesMax: number
  readonly queuedBytesMax: number
}

export const memoryBudgetBytesDefault = 256 * 1024 * 1024
export const memoryBudgetBytesMin = 16 * 1024 * 1024
const blockCacheBytes = 32 * 1024 * 1024
const mebibyte = 1024 * 1024
const writeBuffersMax = 3

/** @throws TidemarkError CONFIGURATION_INVALID where the budget is below 16 MiB */
export function planMemory(memoryBudgetBytes: number): MemoryPlan {
  if (!(memoryBudgetBytes >= memoryBudgetBytesMin)) {
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      `memoryBudgetBytes is ${memoryBudgetBytes}; the storage needs ${memoryBudgetBytesMin} or more`,
    )
  }
  const stateBlockCache = memoryBudgetBytes >= 3 * blockCacheBytes
  const metaWriteBufferBytes = mebibyte
  const fixedBytes =
    metaWriteBufferBytes * writeBuffersMax + (stateBlockCache ? blockCacheBytes : 0)
  const sharedBytes = memoryBudgetBytes - fixedBytes
  const share = (part: number) => Math.floor(sharedBytes * part)
  return {
    logWriteBufferBytes: Math.floor(share(0.3) / writeBuffersMax),
    stateWriteBufferBytes: Math.floor(share(0.4) / writeBuffersMax),
    metaWriteBufferBytes,
    writeBuffersMax,
    stateBlockCache,
    tailCacheBytesMax: share(0.15),
    queuedBytesMax: share(0.15),
  }
}

/** The most that the plan lets the storage hold, in bytes. */
export function plannedBytes(plan: MemoryPlan): number {
  const writeBuffers =
    plan.logWriteBufferBytes + plan.stateWriteBufferBytes + plan.metaWriteBufferBytes
  return (
    writeBuffers * plan.writeBuffersMax +
    (plan.stateBlockCache ? blockCacheBytes : 0) +
    plan.tailCacheBytesMax +
    plan.queuedBytesMax
  )
}
