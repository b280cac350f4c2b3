/** The same topologies as java/Processors.java: stores, forwards and punctuations of the processor API. */
import { present } from '../../../src/core/assert.ts'
import { noHeaders } from '../../../src/core/record.ts'
import { stringSerde } from '../../../src/core/serde.ts'
import type {
  Prefetch,
  Processor,
  ProcessorContext,
  PunctuationType,
  StreamRecord,
} from '../../../src/processors/processor.ts'
import type {
  KeyValueStore,
  SessionStore,
  StoreDefinition,
  WindowStore,
} from '../../../src/state/stores.ts'
import { keyValueStore, sessionStore, windowStore } from '../../../src/topology/stores.ts'
import type { TopologyBuilder } from '../../../src/topology/define.ts'
import { textTopic } from '../support/ours.ts'
import type { Build } from '../support/ours.ts'
import { input } from './stateless.ts'

type Text = Processor<string, string | null, string, string | null>
type TextContext = ProcessorContext<string, string | null>
type TextRecord = StreamRecord<string, string | null>

const name = 'store'
const dayMs = 86_400_000
const texts = keyValueStore(name, stringSerde, stringSerde)
const inWindows = windowStore(name, stringSerde, stringSerde, {
  windowSizeMs: 10,
  retentionMs: dayMs,
})
const inSessions = sessionStore(name, stringSerde, stringSerde, { retentionMs: dayMs })

export const processors = {
  'process-store': (b) => processed(b, texts, () => new Latest()),
  'punctuate-stream-time': (b, { intervalMs }) =>
    processed(b, texts, () => new Dump('stream-time', present(intervalMs, 'an interval'))),
  'punctuate-wall-clock': (b, { intervalMs }) =>
    processed(b, texts, () => new Dump('wall-clock-time', present(intervalMs, 'an interval'))),
  'process-window-store': (b) => processed(b, inWindows, () => new InWindows()),
  'process-session-store': (b) => processed(b, inSessions, () => new InSessions()),
} satisfies Record<string, Build>

function processed(builder: TopologyBuilder, store: StoreDefinition, supplier: () => Text): void {
  input(builder)
    .process('processed', { stores: [store], supplier })
    .to('to-out', textTopic('out'))
}

/** What was there, then what is there now; a null value deletes. */
class Latest implements Text {
  #context!: TextContext
  #store!: KeyValueStore<string, string>

  init(context: TextContext): void {
    this.#context = context
    this.#store = context.store(name)
  }

  prefetch(record: TextRecord, _parent: string, prefetch: Prefetch): void {
    if (hasKey(record)) prefetch.key(name, record.key)
  }

  process(record: TextRecord): void {
    if (!hasKey(record)) return
    const { key, value } = record
    this.#context.forward({ ...record, value: `was ${this.#store.get(key) ?? null}` })
    if (value === null) this.#store.delete(key)
    else this.#store.put(key, value)
    this.#context.forward({ ...record, value: `is ${this.#store.get(key) ?? null}` })
  }
}

/** Keeps what comes and hands all of it on, by key, at each punctuation. */
class Dump implements Text {
  readonly #type: PunctuationType
  readonly #intervalMs: number
  #store!: KeyValueStore<string, string>

  constructor(type: PunctuationType, intervalMs: number) {
    this.#type = type
    this.#intervalMs = intervalMs
  }

  init(context: TextContext): void {
    this.#store = context.store(name)
    context.schedule(this.#intervalMs, this.#type, async (timestampMs) => {
      const tick = { key: 'tick', value: String(timestampMs), timestampMs, headers: noHeaders }
      context.forward(tick)
      for (const { key, value } of await this.#store.range({ entriesMax: 1000 })) {
        context.forward({ key, value, timestampMs, headers: noHeaders })
      }
    })
  }

  prefetch(record: TextRecord, _parent: string, prefetch: Prefetch): void {
    if (hasKey(record)) prefetch.key(name, record.key)
  }

  process(record: TextRecord): void {
    if (!hasKey(record)) return
    if (record.value === null) this.#store.delete(record.key)
    else this.#store.put(record.key, record.value)
  }
}

/** Puts each value under its time, and hands on what the key has from five before to five after. */
class InWindows implements Text {
  #context!: TextContext
  #store!: WindowStore<string, string>

  init(context: TextContext): void {
    this.#context = context
    this.#store = context.store(name)
  }

  prefetch(record: TextRecord, _parent: string, prefetch: Prefetch): void {
    const { key, timestampMs } = record
    if (hasKey(record)) prefetch.windows(name, key, Math.max(0, timestampMs - 5), timestampMs + 5)
  }

  process(record: TextRecord): void {
    if (!hasKey(record)) return
    const { key, value, timestampMs } = record
    if (value === null) this.#store.delete(key, timestampMs)
    else this.#store.put(key, timestampMs, value)
    const near = this.#store
      .fetchRange(key, Math.max(0, timestampMs - 5), timestampMs + 5)
      .map((entry) => ` ${entry.windowStartMs}=${entry.value}`)
    const own = this.#store.fetch(key, timestampMs) ?? null
    this.#context.forward({ ...record, value: `at ${own}:${near.join('')}` })
  }
}

/** Puts each value as a session from its time on for as long as the value has letters; hands on what is near. */
class InSessions implements Text {
  #context!: TextContext
  #store!: SessionStore<string, string>

  init(context: TextContext): void {
    this.#context = context
    this.#store = context.store(name)
  }

  prefetch(record: TextRecord, _parent: string, prefetch: Prefetch): void {
    const { key, timestampMs } = record
    if (hasKey(record)) prefetch.sessions(name, key, Math.max(0, timestampMs - 3), timestampMs + 3)
  }

  process(record: TextRecord): void {
    const { key, value, timestampMs } = record
    if (!hasKey(record) || value === null) return
    this.#store.put(key, timestampMs, timestampMs + value.length, value)
    const near = this.#store
      .findSessions(key, Math.max(0, timestampMs - 3), timestampMs + 3)
      .map((session) => ` ${session.startMs}/${session.endMs}=${session.value}`)
    this.#context.forward({ ...record, value: `near:${near.join('')}` })
  }
}

function hasKey(record: TextRecord): boolean {
  return (record.key as string | null) !== null
}
