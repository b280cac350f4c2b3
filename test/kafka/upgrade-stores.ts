/** A topology with a store of each kind, whose changelogs a later release has to read. */
import { topicName } from '../../src/core/record.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import { tupleSerde } from '../../src/core/tuple.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../../src/processors/processor.ts'
import { schemaOf } from '../../src/runtime/test-support/json-codec.ts'
import { avroSerde } from '../../src/schema/avro-serde.ts'
import type { KeyValueStore, SessionStore, WindowStore } from '../../src/state/stores.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { keyValueStore, sessionStore, windowStore } from '../../src/topology/stores.ts'

export interface Visit {
  readonly page: string
  readonly visitor: number
  readonly atMs: number
  /** True where it is only asked for what is known. */
  readonly isQuestion: boolean
}

export interface Known {
  readonly visitor: number
  readonly visits: number | null
  readonly recent: number | null
  /** By start. */
  readonly windows: readonly (readonly [startMs: number, count: number])[]
  readonly sessions: readonly (readonly [startMs: number, endMs: number, count: number])[]
}

type Key = readonly [page: string, visitor: number]
interface Count {
  readonly count: number
}

const keySerde = tupleSerde<Key>()
const countSerde = avroSerde<Count>('count', 1, {
  type: 'record',
  name: 'Count',
  fields: [{ name: 'count', type: 'long' }],
})
const windowSizeMs = 1_000
const gapMs = 2_000
const retentionMs = 3_600_000

const topic = <V>(name: string): TopicDefinition<Key, V> => ({
  name: topicName(name),
  keySerde,
  schema: schemaOf(name),
  partitionCount: 1,
  cleanupPolicy: 'delete',
  retentionMs: null,
})

export const visits: TopicDefinition<Key, Visit> = {
  ...topic<Visit>('visits'),
  keyOf: ({ page, visitor }) => [page, visitor],
  eventTimeMsOf: ({ atMs }) => atMs,
}
export const known = topic<Known>('known')

export const storeNames = ['all', 'recent', 'windows', 'sessions'] as const

class VisitProcessor implements Processor<Key, Visit | null, Key, Known> {
  #context!: ProcessorContext<Key, Known>
  #all!: KeyValueStore<Key, Count>
  #recent!: KeyValueStore<Key, Count>
  #windows!: WindowStore<Key, Count>
  #sessions!: SessionStore<Key, Count>

  init(context: ProcessorContext<Key, Known>): void {
    this.#context = context
    this.#all = context.store('all')
    this.#recent = context.store('recent')
    this.#windows = context.store('windows')
    this.#sessions = context.store('sessions')
  }

  async process(record: StreamRecord<Key, Visit | null>): Promise<void> {
    const { key, value } = record
    if (value === null) return
    const [fromMs, toMs] = [value.atMs - retentionMs, value.atMs + retentionMs]
    await Promise.all([
      this.#all.load([key]),
      this.#recent.load([key]),
      this.#windows.load(key, fromMs, toMs),
      this.#sessions.load(key, fromMs, toMs),
    ])
    if (value.isQuestion) {
      this.#context.forward({ ...record, value: this.#knownOf(key, fromMs, toMs) })
    } else this.#visit(key, value.atMs)
  }

  #visit(key: Key, atMs: number): void {
    this.#all.put(key, more(this.#all.get(key)))
    this.#recent.put(key, more(this.#recent.get(key)))
    const startMs = atMs - (atMs % windowSizeMs)
    this.#windows.put(key, startMs, more(this.#windows.fetch(key, startMs)))
    const [near] = this.#sessions.findSessions(key, atMs - gapMs, atMs + gapMs)
    if (near !== undefined) this.#sessions.remove(key, near.startMs, near.endMs)
    this.#sessions.put(key, near?.startMs ?? atMs, atMs, more(near?.value))
  }

  #knownOf(key: Key, fromMs: number, toMs: number): Known {
    return {
      visitor: key[1],
      visits: this.#all.get(key)?.count ?? null,
      recent: this.#recent.get(key)?.count ?? null,
      windows: this.#windows
        .fetchRange(key, fromMs, toMs)
        .map(({ windowStartMs, value }) => [windowStartMs, value.count]),
      sessions: this.#sessions
        .findSessions(key, fromMs, toMs)
        .map(({ startMs, endMs, value }) => [startMs, endMs, value.count]),
    }
  }
}

function more(count: Count | null | undefined): Count {
  return { count: (count?.count ?? 0) + 1 }
}

export default defineTopology('upgrade', (builder) => {
  builder
    .process<any, any>('visit', {
      inputs: [builder.stream('visits', visits)],
      stores: [
        keyValueStore('all', keySerde, countSerde),
        keyValueStore('recent', keySerde, countSerde, { ttlMs: retentionMs }),
        windowStore('windows', keySerde, countSerde, { windowSizeMs, retentionMs }),
        sessionStore('sessions', keySerde, countSerde, { retentionMs }),
      ],
      supplier: () => new VisitProcessor(),
    })
    .to('known', known)
})
