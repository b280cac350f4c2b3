/** What a task tells of one of its inputs. */
import type { InputPartition } from './input-queue.ts'
import type { InputStatus } from './runtime-status.ts'

export function inputStatus(input: InputPartition): InputStatus {
  return {
    topic: input.topic,
    partition: input.partition,
    position: input.position,
    committed: input.committed,
    buffered: input.buffered,
    end: input.seenEnd,
  }
}
