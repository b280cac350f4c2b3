/**
 * Runs a topology in a test: the tasks and the commit of the runtime over a log and state in memory, driven by
 * hand and on a clock moved by hand. Nothing waits, so a test takes milliseconds and every run is the same.
 *
 *     const driver = await TopologyTestDriver.open(topology)
 *     await driver.pipe(words, [{ word: 'a' }, { word: 'b' }])
 *     assert.deepEqual(await driver.read(counts), [ … ])
 *     await driver.close()
 */
import { present } from '../core/assert.ts'
import { ManualClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { partitionForKey } from '../core/partitioner.ts'
import { noHeaders } from '../core/record.ts'
import type { Headers, Offset, Partition, ProducerRecord, TopicName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { Log, TopicDescription } from '../log/log.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import type { QuarantineEntry } from '../quality/quarantine.ts'
import { Codecs } from '../runtime/codecs.ts'
import type { CodecFactory } from '../runtime/codecs.ts'
import { runtimeLimits } from '../runtime/limits.ts'
import type { RuntimeLimits } from '../runtime/limits.ts'
import { PartitionCounts } from '../runtime/partition-counts.ts'
import { TaskMetrics } from '../runtime/task-metrics.ts'
import type { NodeDrops } from '../runtime/task-metrics.ts'
import { compileTopology, taskPlans } from '../runtime/task-plan.ts'
import type { TaskSurroundings } from '../runtime/task-plan.ts'
import { encodedTopics, topicSpecs } from '../runtime/topics.ts'
import { MemoryBudget } from '../state/memory-budget.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import type { InMemoryStorage } from '../state/memory-backend.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { openTestCodecs } from './test-codecs.ts'
import { TestStore } from './test-store.ts'
import { TestTask } from './test-task.ts'

export interface TestDriverOptions {
  /** Of topics that say nothing else. Default 1. */
  readonly partitionCount?: number
  /** Records that a task takes in before it commits. Default: all that there are. */
  readonly batchRecordsMax?: number
  /** Default: 0, the epoch. */
  readonly wallClockMs?: number
  /** Which of the tasks that have input goes on: an index in [0, below). Default: the first. */
  readonly pick?: (below: number) => number
  /** Default: Avro with each topic's own schema. */
  readonly codecs?: CodecFactory
  readonly limits?: Partial<RuntimeLimits>
  /** Where log and state are kept. Default: in memory. */
  readonly openStorage?: (clock: Clock) => Promise<InMemoryStorage>
}

export interface TestInput<K, V> {
  /** Absent: the topic's `keyOf` says it, or there is none. */
  readonly key?: K
  readonly value: V | null
  /** Absent: the wall clock. The topic's `eventTimeMsOf` goes before it. */
  readonly timestampMs?: number
  readonly headers?: Headers
  /** Absent: where the key belongs. */
  readonly partition?: number
}

export interface TestOutput<K, V> {
  readonly key: K | null
  readonly value: V | null
  readonly timestampMs: number
  readonly headers: Headers
  readonly partition: Partition
  readonly offset: Offset
}

export interface TestCounts {
  readonly processed: number
  readonly dropped: number
  readonly late: number
  readonly quarantined: number
  /** Checks of level Warning that failed: their records went on. */
  readonly warnings: number
  readonly drops: readonly NodeDrops[]
}

/** Of one partition's output, read at a time. */
const readBytesMax = 1024 * 1024 * 1024
/** Commits of one `run`, beyond which a topology is taken for one that feeds itself for ever. */
const commitsMax = 1_000_000

export class TopologyTestDriver {
  readonly clock: ManualClock
  /** The log below, for what the driver has no words for. */
  readonly log: Log
  readonly #graph: TopologyGraph
  readonly #options: TestDriverOptions
  readonly #codecs: Codecs
  readonly #storage: InMemoryStorage
  readonly #tasks: TestTask[]
  readonly #readPositions = new Map<TopicName, Offset[]>()

  /** @throws TidemarkError TOPOLOGY_INVALID */
  static async open(
    graph: TopologyGraph,
    options: TestDriverOptions = {},
  ): Promise<TopologyTestDriver> {
    const clock = new ManualClock(options.wallClockMs ?? 0)
    const storage = await (options.openStorage?.(clock) ?? openMemoryStorage({ clock }))
    const { partitionCount: defaultPartitionCount = 1, batchRecordsMax = 1_000_000 } = options
    const limits = runtimeLimits({
      batchRecordsMax,
      turnRecordsMax: batchRecordsMax,
      bufferedRecordsMax: 1_000_000,
      batchBytesMax: 1024 * 1024 * 1024,
      ...options.limits,
      defaultPartitionCount,
    })
    const specs = topicSpecs([graph], defaultPartitionCount, false)
    await storage.log.createTopics(specs)
    const partitionCounts = new PartitionCounts()
    await partitionCounts.read(
      storage.log,
      specs.map(({ name }) => name),
    )
    const codecs = new Codecs(options.codecs ?? (await openTestCodecs(graph)))
    await codecs.open(encodedTopics([graph]))
    const surroundings: TaskSurroundings = {
      log: storage.log,
      state: storage.state,
      stateKeeper: null,
      budget: new MemoryBudget(64 * 1024 * 1024),
      codecs,
      clock,
      limits,
      group: (plan) => ({ groupId: plan.topologyName, generationId: -1, memberId: '' }),
      partitionCountOf: partitionCounts.of,
    }
    const compiled = compileTopology(graph)
    const tasks = taskPlans(graph, defaultPartitionCount).map(
      (plan) => new TestTask(plan, compiled, surroundings, new TaskMetrics()),
    )
    const driver = new TopologyTestDriver(graph, options, clock, codecs, storage, tasks)
    await driver.#openTasks()
    return driver
  }

  private constructor(
    graph: TopologyGraph,
    options: TestDriverOptions,
    clock: ManualClock,
    codecs: Codecs,
    storage: InMemoryStorage,
    tasks: TestTask[],
  ) {
    this.clock = clock
    this.log = storage.log
    this.#graph = graph
    this.#options = options
    this.#codecs = codecs
    this.#storage = storage
    this.#tasks = tasks
  }

  async #openTasks(): Promise<void> {
    for (const task of this.#tasks) await task.open()
  }

  /** Sends the records and processes whatever there is to process. */
  async pipe<K, V>(
    topic: TopicDefinition<K, V>,
    records: readonly TestInput<K, V>[],
  ): Promise<void> {
    await this.send(topic, records)
    await this.run()
  }

  /** Puts records into a topic and processes nothing yet. */
  async send<K, V>(
    topic: TopicDefinition<K, V>,
    records: readonly TestInput<K, V>[],
  ): Promise<void> {
    const codec = this.#codecs.of(topic)
    await this.#codecs.open([topic])
    const encoded = records.map((input) => {
      const { value, timestampMs = this.clock.nowMs(), headers = noHeaders } = input
      const ownKey = value === null ? null : (topic.keyOf?.(value) ?? null)
      const key = ownKey ?? input.key ?? null
      const record = {
        key: key === null ? null : topic.keySerde.serialize(key),
        value: value === null ? null : codec.encode(value),
        timestampMs,
        headers,
      }
      return { record, partition: input.partition }
    })
    await this.sendEncoded(topic.name, encoded)
  }

  /** As `send`, byte for byte: for values that no codec would write. */
  async sendEncoded(
    topic: TopicName,
    records: readonly {
      readonly record: ProducerRecord
      readonly partition?: number | undefined
    }[],
  ): Promise<void> {
    const { partitionCount } = await this.#describe(topic)
    const byPartition = new Map<number, ProducerRecord[]>()
    for (const { record, partition } of records) {
      const keyed = record.key === null ? 0 : partitionForKey(record.key, partitionCount)
      const at = partition ?? keyed
      const batch = byPartition.get(at)
      if (batch === undefined) byPartition.set(at, [record])
      else batch.push(record)
    }
    await this.log.append(
      [...byPartition].map(([at, batch]) => ({
        topic,
        partition: at as Partition,
        records: batch,
      })),
    )
  }

  /** Processes and commits, batch by batch, until no input is left or so many commits are made. */
  async run(batchesMax = Infinity): Promise<void> {
    let idle = 0
    let next = 0
    for (let commits = 0; idle < this.#tasks.length && commits < batchesMax;) {
      const index = this.#options.pick?.(this.#tasks.length) ?? next
      const task = present(this.#tasks[index], `task ${index} of ${this.#tasks.length}`)
      if (await task.runBatch()) {
        idle = 0
        commits += 1
        if (commits > commitsMax) throw new RangeError(`input is left after ${commitsMax} commits`)
        continue
      }
      next = (next + 1) % this.#tasks.length
      idle = this.#options.pick === undefined ? idle + 1 : await this.#countIdle()
    }
  }

  /** Where tasks are picked at random, one idle turn says nothing about the others. */
  async #countIdle(): Promise<number> {
    let idle = 0
    for (const task of this.#tasks) {
      if (!(await task.hasInput())) idle += 1
    }
    return idle
  }

  /** Moves the wall clock, runs the punctuations that become due, and processes what they lead to. */
  async advanceWallClock(byMs: number): Promise<void> {
    this.clock.advance(byMs)
    for (const task of this.#tasks) await task.punctuate()
    await this.run()
  }

  /** What the topic has gained since it was read last: partition by partition, in order. */
  async read<K, V>(topic: TopicDefinition<K, V>): Promise<TestOutput<K, V>[]> {
    const { partitions } = await this.#describe(topic.name)
    const positions = this.#readPositions.get(topic.name) ?? partitions.map(() => 0 as Offset)
    const fetched = await this.log.fetch({
      partitions: partitions.map(({ partition }) => ({
        topic: topic.name,
        partition,
        offset: present(positions[partition], 'a read position'),
      })),
      bytesMax: partitions.length * readBytesMax,
      bytesPerPartitionMax: readBytesMax,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    const codec = this.#codecs.of(topic)
    const outputs: TestOutput<K, V>[] = []
    for (const { partition, records, nextOffset } of fetched) {
      await codec.prepare(records.map(({ value }) => value))
      positions[partition] = nextOffset
      for (const { key, value, timestampMs, headers, offset } of records) {
        outputs.push({
          key: key === null ? null : topic.keySerde.deserialize(key),
          value: value === null ? null : codec.decode(value),
          timestampMs,
          headers,
          partition,
          offset,
        })
      }
    }
    this.#readPositions.set(topic.name, positions)
    return outputs
  }

  /** As `read`, but only the last value of each key that is not deleted, by serialized key. */
  async readLatest<K, V>(topic: TopicDefinition<K, V>): Promise<Map<string, V>> {
    const latest = new Map<string, V>()
    for (const { key, value } of await this.read(topic)) {
      const id = key === null ? '' : topic.keySerde.serialize(key).toString('latin1')
      if (value === null) latest.delete(id)
      else latest.set(id, value)
    }
    return latest
  }

  readQuarantine(): Promise<TestOutput<readonly [string], QuarantineEntry>[]> {
    return this.read(quarantineTopic)
  }

  /** The store of that name, over all tasks. @throws RangeError where there is none */
  store<K = unknown, V = unknown>(name: string): TestStore<K, V> {
    const stores = this.#tasks.flatMap((task) => task.storesNamed(name))
    if (stores.length === 0) {
      const known = this.#graph.stores.map((store) => store.name).join(', ')
      throw new RangeError(`topology ${this.#graph.name} has no store ${name}; it has: ${known}`)
    }
    return new TestStore<K, V>(stores)
  }

  counts(): TestCounts {
    const total = { processed: 0, dropped: 0, late: 0, quarantined: 0, warnings: 0 }
    for (const { metrics } of this.#tasks) {
      total.processed += metrics.processed
      total.dropped += metrics.dropped
      total.late += metrics.late
      total.quarantined += metrics.quarantined
      total.warnings += metrics.warnings
    }
    return { ...total, drops: this.#tasks.flatMap(({ metrics }) => metrics.drops()) }
  }

  /** As after a crash: what is not committed is forgotten, every task starts again from its last commit. */
  async restart(): Promise<void> {
    for (const task of this.#tasks) task.close()
    await this.#openTasks()
  }

  async close(): Promise<void> {
    for (const task of this.#tasks) task.close()
    await this.#storage.close()
  }

  async #describe(topic: TopicName): Promise<TopicDescription> {
    return present((await this.log.describeTopics([topic]))[0], `topic ${topic}`)
  }
}
