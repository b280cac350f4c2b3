/** What is kept beside a committed offset: the task's stream time. */
interface OffsetMetadata {
  /** Null before the first record: JSON has no infinity. */
  readonly streamTimeMs: number | null
}

export function offsetMetadata(streamTimeMs: number): string {
  return JSON.stringify({ streamTimeMs } satisfies OffsetMetadata)
}

export function streamTimeOf(metadata: string | undefined): number {
  if (metadata === undefined || metadata === '') return -Infinity
  return (JSON.parse(metadata) as OffsetMetadata).streamTimeMs ?? -Infinity
}
