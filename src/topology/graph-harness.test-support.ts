/**
 * Runs a graph in memory, one record at a time and one task at a time, for the tests of operators. It keeps
 * the contract and nothing else: a processor finds loaded what its own `prefetch` asked for (each batch ends
 * with a commit that empties the cache), topics between sub-topologies carry bytes, and a random source picks
 * which task goes on, so that tests see every interleaving that partitions allow.
 */
import { crc32 } from 'node:zlib'
import { present } from '../core/assert.ts'
import { ManualClock } from '../core/clock.ts'
import { noHeaders, offset, partition } from '../core/record.ts'
import type { Partition, TopicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { Serde } from '../core/serde.ts'
import type { StateBackend } from '../core/state.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type {
  DropReason,
  Prefetch,
  Processor,
  ProcessorContext,
  RecordMetadata,
  StreamRecord,
} from '../processors/processor.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { MemoryBudget } from '../state/memory-budget.ts'
import { openTaskStores } from '../state/task-stores.ts'
import type { PrefetchRequest, TaskStores } from '../state/task-stores.ts'
import type { GraphNode, SubTopology, TopologyGraph } from './graph.ts'
import { partitionCountsOf, taskCountOf } from './partition-counts.ts'
import { parentsOf } from './sub-topologies.ts'

export interface TestRecord<K = unknown, V = unknown> {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
}

export interface HarnessOptions {
  readonly partitionCount?: number
  readonly batchRecordsMax?: number
  /** A number in [0, below): which of the tasks that have input goes on. Absent: the first. */
  readonly pick?: (below: number) => number
}

export class GraphHarness {
  readonly dropped = new Map<DropReason, number>()
  readonly #graph: TopologyGraph
  readonly #options: HarnessOptions
  readonly #counts: ReadonlyMap<TopicName, number>
  readonly #topics = new Map<string, StreamRecord[][]>()
  readonly #tasks: Task[] = []
  readonly #close: () => Promise<void>

  private constructor(
    graph: TopologyGraph,
    options: HarnessOptions,
    backend: StateBackend,
    close: () => Promise<void>,
  ) {
    this.#graph = graph
    this.#options = options
    this.#close = close
    const partitionCount = options.partitionCount ?? 1
    this.#counts = partitionCountsOf(graph, partitionCount)
    for (const [topic, count] of this.#counts) {
      this.#topics.set(
        topic,
        Array.from({ length: count }, () => []),
      )
    }
    for (const subTopology of graph.subTopologies) {
      const taskCount = taskCountOf(subTopology, partitionCount)
      for (let index = 0; index < taskCount; index += 1) {
        this.#tasks.push(new Task(this, subTopology, partition(index), backend))
      }
    }
  }

  static async open(graph: TopologyGraph, options: HarnessOptions = {}): Promise<GraphHarness> {
    const storage = await openMemoryStorage({ clock: new ManualClock() })
    return new GraphHarness(graph, options, storage.state, () => storage.close())
  }

  get topologyName(): string {
    return this.#graph.name
  }

  partitions(topic: string): StreamRecord[][] {
    return present(this.#topics.get(topic), `topic ${topic}`)
  }

  send<K, V>(topic: TopicDefinition<K, V>, ...records: TestRecord<K, V | null>[]): void {
    for (const record of records) {
      const owner = record.value === null ? null : topic.keyOf?.(record.value)
      const keyBytes = topic.keySerde.serialize(owner ?? record.key)
      this.append(topic.name, keyBytes, { headers: noHeaders, ...record })
    }
  }

  append(topic: TopicName, keyBytes: Buffer, record: StreamRecord): void {
    const partitions = this.partitions(topic)
    partitions[crc32(keyBytes) % partitions.length]?.push(record)
  }

  /** Until no task has input. */
  async run(): Promise<void> {
    for (;;) {
      const ready = this.#tasks.filter((task) => task.hasInput())
      if (ready.length === 0) return
      const index = this.#options.pick?.(ready.length) ?? 0
      await present(ready[index], 'a task').runBatch(this.#options)
    }
  }

  /** Every record that reached a sink of the topic, partition by partition. */
  output<K, V>(topic: TopicDefinition<K, V>): TestRecord<K, V | null>[] {
    return this.partitions(topic.name)
      .flat()
      .map(({ key, value, timestampMs }) => ({ key, value, timestampMs })) as TestRecord<K, V>[]
  }

  /** What a reader of the topic as a table ends with; keys as JSON unless they are strings. */
  table<V>(topic: TopicDefinition<any, V>): Record<string, V> {
    const rows = new Map<string, V>()
    for (const { key, value } of this.output(topic)) {
      const id = typeof key === 'string' ? key : JSON.stringify(key)
      if (value === null) rows.delete(id)
      else rows.set(id, value)
    }
    return Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  countDropped(reason: DropReason): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1)
  }

  async close(): Promise<void> {
    for (const task of this.#tasks) task.close()
    await this.#close()
  }
}

interface Input {
  readonly node: Extract<GraphNode, { kind: 'source' | 'repartition-source' }>
  readonly partition: Partition
  readonly records: readonly StreamRecord[]
  position: number
}

class Task {
  readonly #harness: GraphHarness
  readonly #subTopology: SubTopology
  readonly #partition: Partition
  readonly #backend: StateBackend
  readonly #stores: TaskStores
  readonly #processors = new Map<string, Processor>()
  readonly #inputs: Input[] = []
  #streamTimeMs = -Infinity
  #recordMetadata: RecordMetadata | null = null
  #forwarded: { readonly child: GraphNode; readonly record: StreamRecord; parent: string }[] = []

  constructor(
    harness: GraphHarness,
    subTopology: SubTopology,
    ownPartition: Partition,
    backend: StateBackend,
  ) {
    this.#harness = harness
    this.#subTopology = subTopology
    this.#partition = ownPartition
    this.#backend = backend
    this.#stores = openTaskStores({
      definitions: subTopology.stores,
      partition: ownPartition,
      backend,
      budget: new MemoryBudget(0),
    })
    for (const node of subTopology.nodes) {
      if (node.kind === 'processor') {
        const processor = node.supplier()
        this.#processors.set(node.name, processor)
        processor.init?.(this.#contextOf(node))
      } else if (node.kind === 'source' || node.kind === 'repartition-source') {
        const isBroadcast = node.kind === 'source' && node.broadcast
        for (const [index, records] of harness.partitions(node.topic.name).entries()) {
          if (!isBroadcast && index !== ownPartition) continue
          this.#inputs.push({ node, partition: partition(index), records, position: 0 })
        }
      }
    }
  }

  hasInput(): boolean {
    return this.#inputs.some((input) => input.position < input.records.length)
  }

  async runBatch({ pick, batchRecordsMax = 3 }: HarnessOptions): Promise<void> {
    for (let count = 0; count < batchRecordsMax; count += 1) {
      const ready = this.#inputs.filter((input) => input.position < input.records.length)
      if (ready.length === 0) break
      const input = present(ready[pick?.(ready.length) ?? 0], 'an input')
      const record = present(input.records[input.position], 'a record')
      const { topic } = input.node
      this.#recordMetadata = {
        topic: topic.name,
        partition: input.partition,
        offset: offset(input.position),
        timestampMs: record.timestampMs,
      }
      input.position += 1
      this.#streamTimeMs = Math.max(this.#streamTimeMs, record.timestampMs)
      this.#stores.advanceStreamTime(this.#streamTimeMs)
      await this.#forward(input.node, this.#decoded(input.node, record))
    }
    this.#recordMetadata = null
    for (const node of this.#subTopology.nodes) {
      const processor = this.#processors.get(node.name)
      do {
        await processor?.flush?.()
        await this.#deliverForwarded()
      } while (processor?.holdsMore === true)
    }
    await this.#backend.write(this.#stores.pendingChanges())
    this.#stores.committed()
  }

  close(): void {
    for (const processor of this.#processors.values()) processor.close?.()
    this.#stores.close()
  }

  #decoded(node: GraphNode, record: StreamRecord): StreamRecord {
    if (node.kind !== 'repartition-source') return record
    const { keySerde, valueSerde } = node.topic
    const key = keySerde.deserialize(record.key as Buffer)
    const value = record.value === null ? null : valueSerde.deserialize(record.value as Buffer)
    return { ...record, key, value }
  }

  async #forward(parent: GraphNode, record: StreamRecord): Promise<void> {
    for (const child of this.#childrenOf(parent.name)) {
      await this.#deliver(child, record, parent.name)
    }
  }

  async #deliverForwarded(): Promise<void> {
    const forwarded = this.#forwarded
    this.#forwarded = []
    for (const { child, record, parent } of forwarded) await this.#deliver(child, record, parent)
  }

  async #deliver(node: GraphNode, record: StreamRecord, parent: string): Promise<void> {
    if (node.kind === 'sink') {
      this.#harness.append(node.topic.name, node.topic.keySerde.serialize(record.key), record)
      return
    }
    if (node.kind === 'repartition-sink') {
      const key = node.topic.keySerde.serialize(record.key)
      const value = record.value === null ? null : node.topic.valueSerde.serialize(record.value)
      this.#harness.append(node.topic.name, key, { ...record, key, value })
      return
    }
    const processor = present(this.#processors.get(node.name), `processor ${node.name}`)
    const requests: PrefetchRequest[] = []
    processor.prefetch?.(record, parent, prefetchInto(requests))
    await this.#stores.prefetch(requests)
    await processor.process(record, parent)
    await this.#deliverForwarded()
  }

  #childrenOf(name: string): GraphNode[] {
    return this.#subTopology.nodes.filter((node) =>
      parentsOf(node).some((parent) => parent === name),
    )
  }

  #contextOf(node: GraphNode): ProcessorContext {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- getters of a literal need it
    const task = this
    return {
      topologyName: task.#harness.topologyName,
      taskId: `${task.#subTopology.index}_${task.#partition}`,
      partition: task.#partition,
      get recordMetadata() {
        return task.#recordMetadata
      },
      get streamTimeMs() {
        return task.#streamTimeMs
      },
      wallClockMs: 0,
      forward: (record, to) => {
        const children = task.#childrenOf(node.name)
        const chosen = to === undefined ? children : children.filter(({ name }) => name === to)
        for (const child of chosen) task.#forwarded.push({ child, record, parent: node.name })
      },
      store: (name) => task.#stores.get(name) as never,
      schedule: () => ({ cancel: () => undefined }),
      countDropped: (reason) => {
        task.#harness.countDropped(reason)
      },
      quarantine: () => undefined,
      onError: 'fail',
      refuse: (thrown) => {
        throw thrown
      },
      ifTakenBack: () => undefined,
      noteProgress: () => undefined,
      noteHeld: () => undefined,
    }
  }
}

function prefetchInto(requests: PrefetchRequest[]): Prefetch {
  return {
    key: (store, key) => requests.push({ store, key }),
    windows: (store, key, fromMs, toMs) => requests.push({ store, key, fromMs, toMs }),
    sessions: (store, key, earliestEndMs, latestStartMs) =>
      requests.push({ store, key, earliestEndMs, latestStartMs }),
  }
}

/** A topic of text keys and JSON values for tests. */
export function testTopic<V>(
  name: string,
  options: Partial<TopicDefinition<string, V>> = {},
): TopicDefinition<string, V> {
  return {
    name: name as TopicName,
    keySerde: stringSerde,
    schema: { type: 'string' },
    cleanupPolicy: 'delete',
    retentionMs: null,
    ...options,
  }
}

export function jsonSerde<T>(): Serde<T> {
  return {
    serialize: (value) => Buffer.from(JSON.stringify(value)),
    deserialize: (bytes) => JSON.parse(bytes.toString()) as T,
  }
}

/** Opens, sends, runs, looks, closes. */
export async function withHarness<R>(
  graph: TopologyGraph,
  options: HarnessOptions,
  use: (harness: GraphHarness) => Promise<R>,
): Promise<R> {
  const harness = await GraphHarness.open(graph, options)
  try {
    return await use(harness)
  } finally {
    await harness.close()
  }
}

/** Picks by these numbers, over and over: what fast-check prints reproduces the run. */
export function picker(numbers: readonly number[]): (below: number) => number {
  let index = 0
  return (below) => {
    index += 1
    return (numbers[index % numbers.length] ?? 0) % below
  }
}
