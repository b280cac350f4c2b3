/** Feeds simulated events to an instance: as fast as it takes them, or when they are due. */
import type { Clock } from '../core/clock.ts'
import { pause } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { IngestPort, IngestRecord } from './ingest-port.ts'
import type { SimulatedEvent } from './simulated-platform.ts'

export interface PlayOptions {
  readonly events: Iterable<SimulatedEvent>
  readonly ingest: IngestPort
  readonly clock: Clock
  /** True: each event waits until the clock says its arrival. */
  readonly paced: boolean
  readonly signal: AbortSignal
  /** After each batch that is durable, with the number of events so far. */
  readonly onProgress?: (events: number) => void
}

const batchEventsMax = 2000
/** Paced events are handed over this often: fresh enough, and no request for each. */
const tickMs = 100

/** The number of events that were taken. */
export async function playSimulation(options: PlayOptions): Promise<number> {
  const { events, clock, paced, signal } = options
  let batch = new Map<string, IngestRecord[]>()
  let waiting = 0
  let taken = 0
  const send = async () => {
    for (const [topic, records] of batch) await deliver(options, topic, records)
    taken += waiting
    batch = new Map()
    waiting = 0
    options.onProgress?.(taken)
  }
  for (const event of events) {
    if (signal.aborted) break
    if (paced && event.arrivalMs > clock.nowMs()) {
      await send()
      await pause(clock, Math.max(tickMs, event.arrivalMs - clock.nowMs()), signal)
      if (signal.aborted) return taken
    }
    const record: IngestRecord = {
      content: { form: 'json', json: event.value },
      timestampMs: event.timestampMs,
    }
    const records = batch.get(event.topic)
    if (records === undefined) batch.set(event.topic, [record])
    else records.push(record)
    waiting += 1
    if (waiting >= batchEventsMax) await send()
  }
  await send()
  return taken
}

/** Waits out back-pressure and a full disk; anything else is the caller's. */
async function deliver(
  { ingest, clock, signal }: PlayOptions,
  topic: string,
  records: readonly IngestRecord[],
): Promise<void> {
  for (;;) {
    try {
      await ingest.ingest(topic, records, { onError: 'refuse', source: 'ingest' })
      return
    } catch (thrown) {
      const waits =
        thrown instanceof TidemarkError &&
        (thrown.code === 'BACK_PRESSURE' || thrown.code === 'DISK_FULL')
      if (!waits || signal.aborted) throw thrown
      await pause(clock, Number(thrown.details['retryAfterMs'] ?? 1000), signal)
    }
  }
}
