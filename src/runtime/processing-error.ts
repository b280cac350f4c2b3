/** The error of a record that a processor could not take, with everything an operator needs to find it. */
import { AssertionError } from '../core/assert.ts'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { RecordMetadata } from '../processors/processor.ts'

export function processingError(
  taskId: string,
  processor: string,
  metadata: RecordMetadata | null,
  cause: unknown,
): TidemarkError {
  // Raised further down the graph, where more was known.
  if (cause instanceof TidemarkError && cause.code === 'PROCESSING_FAILED') return cause
  const at =
    metadata === null
      ? 'in a flush or punctuation'
      : `at ${metadata.topic}-${metadata.partition}, offset ${metadata.offset}`
  const details = {
    taskId,
    processor,
    topic: metadata?.topic ?? null,
    partition: metadata?.partition ?? null,
    offset: metadata?.offset ?? null,
  }
  return new TidemarkError(
    'PROCESSING_FAILED',
    `task ${taskId}: processor ${processor} failed ${at}: ${messageOf(cause)}`,
    { details, cause },
  )
}

/** True where a node's error policy may cover it: what a function throws on a value that it cannot take. Whatever else may
 * go wrong is not the record's fault, and the record comes again. */
export function isRefusable(thrown: unknown): boolean {
  if (thrown instanceof AssertionError) return false
  return !(thrown instanceof TidemarkError) || thrown.reaction === 'quarantine'
}
