/** The importer's side: events in batches, and how far they were acknowledged. */
import assert from 'node:assert/strict'
import { RemoteIngest } from '../../../src/sources/remote-ingest.ts'
import type { CrashEvent } from './crash-events.ts'
import type { InstanceProcess } from './instance-process.ts'

export interface FeedBatch {
  readonly topic: string
  readonly events: readonly CrashEvent[]
}

export function batchesOf(events: readonly CrashEvent[], eventsMax: number): FeedBatch[] {
  const open = new Map<string, CrashEvent[]>()
  const batches: FeedBatch[] = []
  for (const event of events) {
    const batch = open.get(event.topic)
    if (batch !== undefined && batch.length < eventsMax) {
      batch.push(event)
      continue
    }
    const events = [event]
    open.set(event.topic, events)
    batches.push({ topic: event.topic, events })
  }
  return batches
}

const restEventsMax = 500

export class Feed {
  /** The batches before this one are acknowledged. */
  acknowledged = 0
  /** With those that were sent again. */
  readonly recordsAcknowledged = new Map<string, number>()
  batchesSentAgain = 0
  readonly batches: readonly FeedBatch[]

  constructor(batches: readonly FeedBatch[]) {
    this.batches = batches
  }

  get isDone(): boolean {
    return this.acknowledged === this.batches.length
  }

  /** The one at `index`, which may have been sent before. @throws where it is not acknowledged */
  async send(instance: InstanceProcess, index: number): Promise<void> {
    const batch = this.batches[index]
    assert.ok(batch !== undefined, `there is no batch ${index}`)
    await this.#send(instance, batch)
    if (index < this.acknowledged) this.batchesSentAgain++
    else this.acknowledged = index + 1
  }

  /** All that is not acknowledged yet, in larger batches. */
  async sendRest(instance: InstanceProcess): Promise<void> {
    const rest = this.batches.slice(this.acknowledged).flatMap(({ events }) => events)
    for (const batch of batchesOf(rest, restEventsMax)) await this.#send(instance, batch)
    this.acknowledged = this.batches.length
  }

  async #send(instance: InstanceProcess, { topic, events }: FeedBatch): Promise<void> {
    const records = events.map(({ value, timestampMs }) => ({
      content: { form: 'json' as const, json: value },
      timestampMs,
    }))
    const ingest = new RemoteIngest({ url: instance.url('ingest') })
    const report = await ingest.ingest(topic, records, { onError: 'refuse', source: 'ingest' })
    assert.equal(report.taken, events.length, JSON.stringify(report))
    const before = this.recordsAcknowledged.get(topic) ?? 0
    this.recordsAcknowledged.set(topic, before + events.length)
  }
}
