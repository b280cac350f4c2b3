/**
 * Functions of a table's rows, where the node's error policy lets it go on without a row: one on which a function throws
 * is not in the result. So what is handed on stays whole, since the row's next change finds the same: nothing to take out.
 */
import type { ProcessorContext, StreamRecord } from './processor.ts'

/** What `run` gives; null where it throws, and the policy has seen to that. @throws as `refuse` */
export function attempted<R>(
  context: Pick<ProcessorContext, 'refuse'>,
  record: StreamRecord,
  run: () => R | null,
): R | null {
  try {
    return run()
  } catch (thrown) {
    context.refuse(thrown, record)
    return null
  }
}

/** As the function, and null where it throws: of rows that have been refused when they came. */
export function quietly<V, K, R>(
  transform: (value: V, key: K) => R | null,
): (value: V, key: K) => R | null {
  return (value, key) => {
    try {
      return transform(value, key)
    } catch {
      return null
    }
  }
}
