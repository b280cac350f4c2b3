/**
 * A model of error policies: a topology whose functions throw on some values, and plain code that says what is left of
 * each record. Whatever a function throws on is not seen at or below its node, in outputs and in state, and every such
 * record is counted (`skip`) or kept with its bytes (`quarantine`).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../../src/core/serde.ts'
import type { ErrorPolicy, Processor, ProcessorContext } from '../../src/processors/processor.ts'
import { hoppingWindows } from '../../src/processors/windows.ts'
import { quarantineTopic } from '../../src/quality/quarantine.ts'
import type { KeyValueStore } from '../../src/state/stores.ts'
import { openTestCodecs } from '../../src/testing/test-codecs.ts'
import { TopologyTestDriver } from '../../src/testing/topology-test-driver.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import type { ErrorPolicies } from '../../src/topology/error-policies.ts'
import { keyValueStore } from '../../src/topology/stores.ts'
import type { RecordStep } from '../differential/support/case.ts'
import { steps } from '../differential/support/inputs.ts'
import { normaliseSteps } from '../differential/support/normalise.ts'
import { textCodec, textTopic } from '../differential/support/ours.ts'

const numRuns = Number(process.env['TIDEMARK_TEST_CASES'] ?? 2000)
const seed = Number(process.env['TIDEMARK_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const outs = ['out-marked', 'out-twice', 'out-windows', 'out-parsed', 'out-counted', 'out-joined']
const failing = ['marked', 'twice', 'folded', 'parsed', 'by-parsed', 'joined'] as const
type Failing = (typeof failing)[number]

const mark = (value: string | null) => {
  if (value?.includes('3') === true) throw new Error('marked')
  return value === null ? null : `${value}!`
}
const fold = (value: string, all: string) => {
  if (value.includes('1') && all !== '') throw new Error('folded')
  return all + value
}
const parse = (value: string) => {
  if (value.includes('3')) throw new Error('parsed')
  return value.slice(0, 1)
}
const group = (parsed: string) => {
  if (parsed === 'b') throw new Error('by-parsed')
  return parsed
}
const join = (value: string, row: string | null) => {
  if (value === '12') throw new Error('joined')
  return `${value}|${row}`
}

/** Writes and forwards, and throws after both: at once, or in a promise. */
class Twice implements Processor<string | null, string | null, string, string> {
  #context!: ProcessorContext<string, string>
  #rows!: KeyValueStore<string, string>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
    this.#rows = context.store('texts')
  }

  process(record: Parameters<Processor<string | null, string | null>['process']>[0]) {
    const { key, value } = record
    if (key === null || value === null) return
    const text = (this.#rows.get(key) ?? '') + value
    this.#rows.put(key, text)
    this.#context.forward({ ...record, key, value: text })
    if (value.includes('2')) throw new Error('twice')
    if (!value.startsWith('a')) return
    return Promise.resolve().then(() => {
      this.#rows.put(key, `${text}+`)
      this.#context.forward({ ...record, key, value: `${text}+` })
      if (value.includes('b')) throw new Error('twice')
    })
  }
}

/** Below it: counts what it sees of each key. */
class Seen implements Processor<string, string, string, string> {
  #context!: ProcessorContext<string, string>
  #counts!: KeyValueStore<string, string>

  init(context: ProcessorContext<string, string>): void {
    this.#context = context
    this.#counts = context.store('counts-seen')
  }

  process(record: Parameters<Processor<string, string>['process']>[0]): void {
    const count = Number(this.#counts.get(record.key) ?? '0') + 1
    this.#counts.put(record.key, String(count))
    this.#context.forward({ ...record, value: `${record.value}#${count}` })
  }
}

const sizeMs = 10
const advanceMs = 5

function topologyWith(policies: ErrorPolicies) {
  const texts = { keySerde: stringSerde, valueSerde: stringSerde }
  return defineTopology(
    'policies',
    (builder) => {
      const input = builder.stream('input', textTopic('input'))
      input.mapValues('marked', mark).to('to-marked', textTopic('out-marked'))
      input
        .process('twice', {
          ...texts,
          stores: [keyValueStore('texts', stringSerde, stringSerde)],
          supplier: () => new Twice(),
          keepsKey: true,
        })
        .process('seen', {
          ...texts,
          stores: [keyValueStore('counts-seen', stringSerde, stringSerde)],
          supplier: () => new Seen(),
        })
        .to('to-twice', textTopic('out-twice'))
      input
        .groupByKey('by-key', texts)
        .windowedBy(hoppingWindows({ sizeMs, advanceMs, graceMs: 1000 }))
        .aggregate(
          'folded',
          () => '',
          (_key, value, all) => fold(value, all),
          { store: 'windows', valueSerde: stringSerde, emit: 'on-commit' },
        )
        .toStream('window-changes')
        .map('named', (key, value) => [`${key.key}@${key.windowStartMs}`, value], texts)
        .to('to-windows', textTopic('out-windows'))
      const parsed = builder
        .table('rows', textTopic('table'), { store: 'rows', valueSerde: stringSerde })
        .mapValues('parsed', parse, { valueSerde: stringSerde })
      parsed.toStream('parsed-changes').to('to-parsed', textTopic('out-parsed'))
      parsed
        .groupBy('by-parsed', (_key, value) => [group(value), value], texts)
        .count('counted', { store: 'counts' })
        .toStream('count-changes')
        .mapValues('count-texts', (count) => (count === null ? null : String(count)))
        .to('to-counted', textTopic('out-counted'))
      input.leftJoin('joined', parsed, join).to('to-joined', textTopic('out-joined'))
    },
    policies,
  )
}

interface Out {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
}

/** What each record puts out, and where it fails. */
class Model {
  readonly #texts = new Map<string, string>()
  readonly #seen = new Map<string, number>()
  readonly #windows = new Map<string, string>()
  readonly #rows = new Map<string, RecordStep>()
  readonly #counts = new Map<string, number>()

  put(record: RecordStep): { outs: Out[]; failures: Failing[] } {
    const outs: Out[] = []
    const failures: Failing[] = []
    const at = (node: Failing, run: () => void) => {
      try {
        run()
      } catch {
        failures.push(node)
      }
    }
    const { key, value } = record
    if (record.topic === 'table') {
      if (key !== null) this.#putRow({ ...record, key }, outs, at)
      return { outs, failures }
    }
    at('marked', () => outs.push({ topic: 'out-marked', key, value: mark(value) }))
    if (key !== null && value !== null) {
      at('twice', () => {
        for (const text of this.#twice(key, value)) {
          const count = (this.#seen.get(key) ?? 0) + 1
          this.#seen.set(key, count)
          outs.push({ topic: 'out-twice', key, value: `${text}#${count}` })
        }
      })
      at('folded', () => {
        for (const [name, text] of this.#folded(key, value, record.timestampMs)) {
          this.#windows.set(name, text)
          outs.push({ topic: 'out-windows', key: name, value: text })
        }
      })
    }
    if (value !== null) {
      const row = key === null ? null : parsedOrNull(this.#rows.get(key)?.value ?? null)
      at('joined', () => outs.push({ topic: 'out-joined', key, value: join(value, row) }))
    }
    return { outs, failures }
  }

  #twice(key: string, value: string): string[] {
    const text = (this.#texts.get(key) ?? '') + value
    if (value.includes('2') || (value.startsWith('a') && value.includes('b'))) {
      throw new Error('twice')
    }
    const texts = value.startsWith('a') ? [text, `${text}+`] : [text]
    this.#texts.set(key, texts.at(-1) ?? text)
    return texts
  }

  #folded(key: string, value: string, timestampMs: number): [string, string][] {
    const folded: [string, string][] = []
    for (let startMs = 0; startMs <= timestampMs; startMs += advanceMs) {
      if (timestampMs >= startMs + sizeMs) continue
      const name = `${key}@${startMs}`
      folded.push([name, fold(value, this.#windows.get(name) ?? '')])
    }
    return folded
  }

  #putRow(
    update: RecordStep & { readonly key: string },
    outs: Out[],
    at: (node: Failing, run: () => void) => void,
  ): void {
    const { key, value } = update
    const row = this.#rows.get(key)
    if (row !== undefined && !isLater(update, row)) return
    this.#rows.set(key, update)
    const before = parsedOrNull(row?.value ?? null)
    if (value !== null) at('parsed', () => parse(value))
    const after = parsedOrNull(value)
    if (before !== null || after !== null) outs.push({ topic: 'out-parsed', key, value: after })
    const groupBefore = before === 'b' ? null : before
    if (after !== null) at('by-parsed', () => group(after))
    const groupAfter = after === 'b' ? null : after
    const count = (name: string, by: number) => {
      const counted = (this.#counts.get(name) ?? 0) + by
      this.#counts.set(name, counted)
      outs.push({ topic: 'out-counted', key: name, value: String(counted) })
    }
    if (groupBefore !== null && groupBefore === groupAfter) {
      count(groupBefore, 0)
      return
    }
    if (groupBefore !== null) count(groupBefore, -1)
    if (groupAfter !== null) count(groupAfter, 1)
  }
}

function parsedOrNull(value: string | null): string | null {
  return value === null || value.includes('3') ? null : parse(value)
}

/** Of one moment a delete, else the greater value. */
function isLater(update: RecordStep, row: RecordStep): boolean {
  if (update.timestampMs !== row.timestampMs) return update.timestampMs > row.timestampMs
  if (update.value === null || row.value === null)
    return update.value === null && row.value !== null
  return update.value > row.value
}

const policy = fc.constantFrom<ErrorPolicy>('skip', 'quarantine')
const policies: fc.Arbitrary<ErrorPolicies> = fc.record({
  onError: policy,
  onErrorOf: fc.dictionary(fc.constantFrom<string>(...failing), policy),
})

test('what a function throws on is not seen at or below its node, and is counted or kept', async () => {
  const property = fc.asyncProperty(
    policies,
    steps({ topics: ['input', 'table'], edgesMs: [0, 5, 10], timestampMax: 15 }),
    fc.boolean(),
    async (given, made, restarts) => {
      const records = normaliseSteps(made, []).slice(0, 6) as RecordStep[]
      const model = new Model()
      const driver = await open(topologyWith(given))
      const failures = new Map<string, { topic: string; offset: number; record: RecordStep }[]>()
      const offsets = new Map<string, number>()
      for (const record of records) {
        const { topic, key, value, timestampMs } = record
        const offset = offsets.get(topic) ?? 0
        offsets.set(topic, offset + 1)
        const expected = model.put(record)
        for (const node of expected.failures) {
          failures.set(node, [...(failures.get(node) ?? []), { topic, offset, record }])
        }
        const keyed = key === null ? {} : { key }
        await driver.pipe(textTopic(topic), [{ ...keyed, value, timestampMs }])
        assert.deepEqual(await read(driver), byTopic(expected.outs), JSON.stringify(record))
        if (restarts) await driver.restart()
      }
      assertAccounted(given, failures, driver, await driver.readQuarantine())
      await driver.close()
    },
  )
  await fc.assert(property, { numRuns, seed })
})

async function open(graph: TopologyGraph): Promise<TopologyTestDriver> {
  const avro = await openTestCodecs(graph)
  return TopologyTestDriver.open(graph, {
    codecs: (topic) => (topic.name === quarantineTopic.name ? avro(topic) : textCodec),
  })
}

async function read(driver: TopologyTestDriver): Promise<Out[]> {
  const found: Out[] = []
  for (const topic of outs) {
    for (const { key, value } of await driver.read(textTopic(topic)))
      found.push({ topic, key, value })
  }
  return found
}

function byTopic(all: readonly Out[]): Out[] {
  return outs.flatMap((topic) => all.filter((out) => out.topic === topic))
}

function assertAccounted(
  { onError, onErrorOf = {} }: ErrorPolicies,
  failures: ReadonlyMap<string, readonly { topic: string; offset: number; record: RecordStep }[]>,
  driver: TopologyTestDriver,
  entries: Awaited<ReturnType<TopologyTestDriver['readQuarantine']>>,
): void {
  const skipped: Record<string, number> = {}
  const kept = new Map<string, string[]>()
  for (const [node, records] of failures) {
    if ((onErrorOf[node] ?? onError) === 'skip') {
      skipped[node] = records.length
      continue
    }
    for (const { topic, offset, record } of records) {
      const place = `${topic}-0-${offset} ${record.value}`
      kept.set(place, [...(kept.get(place) ?? []), `node ${node}: ${node}`])
    }
  }
  const drops = driver.counts().drops.filter(({ reason }) => reason === 'failed')
  assert.deepEqual(Object.fromEntries(drops.map(({ node, count }) => [node, count])), skipped)
  for (const { node, last } of drops) assert.equal(last, node)
  const found = entries.map(({ value }): [string, string[]] => [
    `${value?.id} ${value?.record_value?.toString()}`,
    (value?.reason ?? '').split('; ').sort(),
  ])
  const sorted = [...kept].map(([place, reasons]): [string, string[]] => [place, reasons.sort()])
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(sorted))
}
