import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../core/clock.ts'
import { noHeaders, offset, partition, storeName, topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { Processor, StreamRecord } from '../processors/processor.ts'
import { MemoryBudget } from '../state/memory-budget.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { openTaskStores } from '../state/task-stores.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { nodeName } from '../topology/graph.ts'
import type { GraphNode, SubTopology } from '../topology/graph.ts'
import { Execution } from './execution.ts'
import { Origin } from './input-record.ts'
import type { InputRecord } from './input-record.ts'
import { compileTaskGraph } from './task-graph.ts'
import { schemaOf } from './test-support/json-codec.ts'

const inTopic = { ...topicBase('in'), schema: schemaOf('in') }
const storeNames = ['s0', 's1']

function topicBase(name: string) {
  return {
    name: topicName(name),
    keySerde: stringSerde,
    cleanupPolicy: 'delete' as const,
    retentionMs: null,
  }
}

/** One node of a random graph: reads and writes its store, forwards once or twice, in one of three ways. */
interface NodeForm {
  readonly parents: readonly number[]
  readonly store: number | null
  readonly keyOf: 'own' | 'value' | 'shared'
  readonly way: 'sync' | 'async' | 'load'
  readonly forwards: number
}

const nodeForms: fc.Arbitrary<NodeForm[]> = fc.array(
  fc.record({
    parents: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 2 }),
    store: fc.option(fc.nat(1), { nil: null }),
    keyOf: fc.constantFrom('own', 'value', 'shared'),
    way: fc.constantFrom('sync', 'sync', 'sync', 'async', 'load'),
    forwards: fc.nat(2),
  }),
  { minLength: 1, maxLength: 6 },
)

function parentsOf(form: NodeForm, index: number): string[] {
  return [...new Set(form.parents.map((parent) => nameOf((parent % (index + 1)) - 1)))]
}

function nameOf(index: number): string {
  return index < 0 ? 'source' : `n${index}`
}

function keyFor(form: NodeForm, record: StreamRecord): string {
  if (form.keyOf === 'own') return record.key as string
  return form.keyOf === 'value' ? (record.value as string) : 'shared'
}

type Trace = Map<string, string[]>

function note(trace: Trace, node: string, what: string): void {
  const lines = trace.get(node)
  if (lines === undefined) trace.set(node, [what])
  else lines.push(what)
}

/** What the processor does, given how it reads and writes. */
function handle(
  form: NodeForm,
  name: string,
  record: StreamRecord,
  state: { get(key: string): string | undefined; put(key: string, value: string): void },
  trace: Trace,
): StreamRecord[] {
  let seen = ''
  if (form.store !== null) {
    const key = keyFor(form, record)
    seen = state.get(key) ?? ''
    state.put(key, `${seen.slice(-8)}${name}${String(record.value)[0]}`)
  }
  note(trace, name, `${String(record.key)}:${String(record.value)}:${seen}`)
  return Array.from({ length: form.forwards }, (_, index) => ({
    ...record,
    value: `${String(record.value)[0]}${seen.length % 3}${index}`,
  }))
}

function graphOf(forms: readonly NodeForm[], supplier: (index: number) => Processor): SubTopology {
  const nodes: GraphNode[] = [
    { kind: 'source', name: nodeName('source'), topic: inTopic, broadcast: false },
  ]
  for (const [index, form] of forms.entries()) {
    nodes.push({
      kind: 'processor',
      name: nodeName(nameOf(index)),
      parents: parentsOf(form, index).map(nodeName),
      stores: form.store === null ? [] : [storeName(`s${form.store}`)],
      supplier: () => supplier(index),
    })
  }
  const out = { ...topicBase('out'), schema: schemaOf('out') }
  const last = nodeName(nameOf(forms.length - 1))
  nodes.push({ kind: 'sink', name: nodeName('sink'), parents: [last], topic: out })
  const stores = storeNames.map((name) => ({
    kind: 'key-value' as const,
    name: storeName(name),
    keySerde: stringSerde,
    valueSerde: stringSerde,
    ttlMs: null,
  }))
  return { index: 0, nodes, stores }
}

/** Strict depth first, record by record, over plain maps. */
function model(forms: readonly NodeForm[], records: readonly StreamRecord[]): Trace {
  const trace: Trace = new Map()
  const stores = storeNames.map(() => new Map<string, string>())
  const visit = (parent: string, record: StreamRecord) => {
    for (const [index, form] of forms.entries()) {
      if (!parentsOf(form, index).includes(parent)) continue
      const store = stores[form.store ?? 0] ?? new Map<string, string>()
      const state = {
        get: (key: string) => store.get(key),
        put: (key: string, value: string) => void store.set(key, value),
      }
      for (const next of handle(form, nameOf(index), record, state, trace)) {
        visit(nameOf(index), next)
      }
    }
    if (parent === nameOf(forms.length - 1)) note(trace, 'sink', String(record.value))
  }
  for (const record of records) visit('source', record)
  return trace
}

async function executed(
  forms: readonly NodeForm[],
  batches: readonly (readonly StreamRecord[])[],
): Promise<Trace> {
  const trace: Trace = new Map()
  const storage = await openMemoryStorage({ clock: new ManualClock() })
  const contexts: { forward: (index: number, record: StreamRecord) => void } = {
    forward: () => undefined,
  }
  const supplier = (index: number): Processor => {
    const form = forms[index]
    if (form === undefined) throw new RangeError('no such node')
    const name = storeNames[form.store ?? 0] ?? ''
    const work = (record: StreamRecord) => {
      const store = stores.get(name) as KeyValueStore<string, string>
      for (const next of handle(form, nameOf(index), record, store, trace)) {
        contexts.forward(index, next)
      }
    }
    return {
      prefetch: (record, _parent, prefetch) => {
        if (form.store !== null && form.way !== 'load') prefetch.key(name, keyFor(form, record))
      },
      process: async (record) => {
        if (form.way === 'load' && form.store !== null) {
          const store = stores.get(name) as KeyValueStore<string, string>
          await store.load([keyFor(form, record)])
        } else {
          await Promise.resolve()
        }
        work(record)
      },
      ...(form.way === 'sync' ? { process: work } : {}),
    }
  }
  const subTopology = graphOf(forms, supplier)
  const graph = compileTaskGraph(subTopology)
  const stores = openTaskStores({
    definitions: subTopology.stores,
    partition: partition(0),
    backend: storage.state,
    budget: new MemoryBudget(1_000_000),
  })
  const processors = graph.nodes.map(({ graphNode }) =>
    graphNode.kind === 'processor' ? (graphNode.supplier() as Processor) : undefined,
  )
  const execution = new Execution({
    taskId: 'test-0_0',
    graph,
    stores,
    processors,
    output: { send: (sink, record) => note(trace, sink.name, String(record.value)) },
    refuse: () => assert.fail('no node may refuse a record'),
  })
  contexts.forward = (index, record) => {
    const node = graph.nodes[index + 1]
    if (node !== undefined) execution.forward(node, record, undefined)
  }
  const sources = graph.sourcesByTopic.get(inTopic.name) ?? []
  let next = 0
  for (const batch of batches) {
    const inputs = batch.map((record): InputRecord => {
      const raw = {
        offset: offset(next++),
        key: null,
        value: null,
        timestampMs: 0,
        headers: noHeaders,
      }
      return { origin: new Origin(inTopic.name, partition(0), raw), record, sources }
    })
    await execution.run(inputs)
    await storage.state.write(stores.pendingChanges())
    stores.committed()
  }
  await storage.close()
  return trace
}

const records = fc.array(
  fc.record({
    key: fc.constantFrom('k0', 'k1', 'k2'),
    value: fc.constantFrom('a', 'b', 'c', 'd'),
    timestampMs: fc.constant(0),
    headers: fc.constant(noHeaders),
  }),
  { maxLength: 12 },
)

test('every node sees what strict depth-first processing would bring it, however state is read', async () => {
  const property = fc.asyncProperty(
    nodeForms,
    fc.array(records, { maxLength: 3 }),
    async (forms, batches) => {
      const expected = model(forms, batches.flat())
      const found = await executed(forms, batches)
      for (const name of [...forms.keys()].map(nameOf).concat('sink')) {
        assert.deepEqual(found.get(name), expected.get(name), name)
      }
    },
  )
  await fc.assert(property, { numRuns: 500 })
})
