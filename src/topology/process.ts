/** The processor API in the graph: one node with several inputs and its own stores. */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { withParentNames } from '../processors/parent-names.ts'
import type { Draft } from './draft.ts'
import type { ProcessOptions, StreamPosition } from './streams.ts'

/** Where stores are given, inputs whose keys have changed come through the repartition topic
 * `TOPOLOGY-NAME-INPUT-repartition`; the processor still sees them under their own node's name. */
export function addProcess<KOut, VOut>(
  draft: Draft,
  name: string,
  inputs: readonly StreamPosition<any, any>[],
  options: ProcessOptions<KOut, VOut>,
): StreamPosition<KOut, VOut> {
  const stores: readonly StoreName[] = (options.stores ?? []).map((store) => draft.store(store))
  const from = inputs.map((input) =>
    stores.length === 0 ? input : draft.partitioned(partName(name, inputs, input), input),
  )
  const renamed = new Map<string, string>()
  from.forEach(({ node }, index) => {
    const own = inputs[index]?.node ?? node
    if (own !== node) renamed.set(node, own)
  })
  const supplier =
    renamed.size === 0 ? options.supplier : withParentNames(options.supplier, renamed)
  const parents = from.map((input) => input.node)
  const node = draft.processor(name, parents, supplier, stores)
  const keepsKey = options.keepsKey === true
  const [first] = inputs
  const inputSerde = inputs.every((input) => input.keySerde === first?.keySerde)
    ? (first?.keySerde ?? null)
    : null
  return {
    node,
    keySerde: options.keySerde ?? (keepsKey ? (inputSerde as Serde<KOut> | null) : null),
    valueSerde: options.valueSerde ?? null,
    isKeyChanged: !keepsKey || from.some((input) => input.isKeyChanged),
    isBroadcast: inputs.length > 0 && inputs.every((input) => input.isBroadcast),
  }
}

function partName(
  name: string,
  inputs: readonly StreamPosition<any, any>[],
  input: StreamPosition<any, any>,
): string {
  return inputs.length === 1 ? name : `${name}-${input.node}`
}
