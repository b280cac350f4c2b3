/** Simulated events into the topics: as fast as they are taken, or each when its time has come. */
import { pause, type Clock } from '../core/clock.ts'
import type { IngestPort } from './ingest-port.ts'
import { RecordSender } from './record-sender.ts'
import type { SimulatedEvent } from './simulate.ts'

export interface SimulationRun {
  readonly events: Iterable<SimulatedEvent<string>>
  readonly ingest: IngestPort
  readonly clock: Clock
  /** True: an event is sent when the clock reaches its arrival; those of the past at once. */
  readonly paced: boolean
  readonly signal: AbortSignal
  /** With the number of events that are durable so far. */
  readonly onProgress?: (events: number) => void
}

/** Between two looks at the clock: a batch of the events that came due. */
const pausedMsMin = 100
const unflushedMax = 10_000

/** Resolves with the number of events sent, when there are no more or the signal stops it. */
export async function runSimulation(options: SimulationRun): Promise<number> {
  const { clock, paced, signal, onProgress } = options
  const senders = new Map<string, RecordSender>()
  let sent = 0
  let unflushed = 0
  const flush = async () => {
    for (const sender of senders.values()) await sender.flush()
    sent += unflushed
    unflushed = 0
    onProgress?.(sent)
  }
  for (const event of options.events) {
    if (signal.aborted) break
    const waitMs = event.arrivalMs - clock.nowMs()
    if (paced && waitMs > 0) {
      if (unflushed > 0) await flush()
      await pause(clock, Math.max(pausedMsMin, waitMs), signal)
      if (signal.aborted as boolean) break
    }
    unflushed++
    await senderOf(senders, event.topic, options).add(
      { content: { form: 'json', json: event.value }, timestampMs: event.timestampMs },
      300,
    )
    if (unflushed >= unflushedMax) await flush()
  }
  if (unflushed > 0) await flush()
  return sent
}

function senderOf(
  senders: Map<string, RecordSender>,
  topic: string,
  { ingest, clock }: SimulationRun,
): RecordSender {
  let sender = senders.get(topic)
  if (sender === undefined) {
    sender = new RecordSender({ ingest, clock, topic, onError: 'refuse', source: 'ingest' })
    senders.set(topic, sender)
  }
  return sender
}
