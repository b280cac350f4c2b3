/**
 * How a fetch of several partitions shares its bytes: each has its part, because a task that merges them by
 * time waits for the one that comes last.
 */
const bytesPerPartitionMin = 64 * 1024

export function fetchBytes(
  partitionCount: number,
  batchBytesMax: number,
): { readonly bytesMax: number; readonly bytesPerPartitionMax: number } {
  const share = Math.floor(batchBytesMax / partitionCount)
  const bytesPerPartitionMax = Math.max(bytesPerPartitionMin, share)
  return { bytesMax: bytesPerPartitionMax * partitionCount, bytesPerPartitionMax }
}
