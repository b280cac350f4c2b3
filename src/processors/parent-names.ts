/** A processor behind a repartition topic sees its parents under the names that its author knows. */
import type { Prefetch, Processor, ProcessorSupplier, StreamRecord } from './processor.ts'

/** @param names from a node in the graph to the node that the processor's author means */
export function withParentNames(
  supplier: ProcessorSupplier,
  names: ReadonlyMap<string, string>,
): ProcessorSupplier {
  const nameOf = (parent: string) => names.get(parent) ?? parent
  return () => {
    const inner = supplier()
    const renamed: Processor = {
      process: (record, parent) => inner.process(record, nameOf(parent)),
    }
    if (inner.init !== undefined) renamed.init = inner.init.bind(inner)
    if (inner.prefetch !== undefined) {
      renamed.prefetch = (record: StreamRecord, parent: string, prefetch: Prefetch) => {
        inner.prefetch?.(record, nameOf(parent), prefetch)
      }
    }
    if (inner.flush !== undefined) renamed.flush = inner.flush.bind(inner)
    if (inner.close !== undefined) renamed.close = inner.close.bind(inner)
    return renamed
  }
}
