/** What a member tells the leader about itself when it joins. */
import { UserDataWriter, readUserData } from './user-data-bytes.ts'

export interface TaskStateReport {
  readonly taskId: string
  /** The task runs here and its state is complete: nothing is nearer to the end of its changelogs. */
  readonly isRunning: boolean
  /** The changelog offsets up to which the state held here is complete, summed over the task's stores. */
  readonly offsetSum: number
  /** The ends of the changelogs as last seen here, summed; null where this member has not looked. */
  readonly endOffsetSum: number | null
}

export interface SubscriptionUserData {
  /** Written by this version of the format. */
  readonly version: number
  /** The same for all members of a process, and best the same after its restart (kept beside its state). */
  readonly processId: string
  /** `host:port` at which interactive queries are answered; null where they are not. */
  readonly endpoint: string | null
  readonly rack: string | null
  /** Worker threads. */
  readonly capacity: number
  readonly states: readonly TaskStateReport[]
}

/**
 * 1: process, endpoint, capacity, states. 2: and the rack and the ends of the changelogs.
 * A version is never changed once released; the next one appends.
 */
export const subscriptionVersion = 2
const oldestReader = 1

/** @param version what to write: an older one when a rolling upgrade has to be prepared */
export function encodeSubscription(
  data: Omit<SubscriptionUserData, 'version'>,
  version = subscriptionVersion,
): Buffer {
  const writer = new UserDataWriter()
  writer.text(data.processId).nullableText(data.endpoint).number(data.capacity)
  writer.list(data.states, ({ taskId, isRunning, offsetSum }) => {
    writer
      .text(taskId)
      .number(isRunning ? 1 : 0)
      .number(offsetSum)
  })
  if (version >= 2) {
    writer.nullableText(data.rack)
    writer.list(data.states, ({ endOffsetSum }) => writer.nullableNumber(endOffsetSum))
  }
  return writer.frame(version, oldestReader)
}

/** Of any version; null where the bytes are none that this version can read. */
export function decodeSubscription(bytes: Buffer): SubscriptionUserData | null {
  return readUserData(bytes, subscriptionVersion, (reader, version) => {
    const processId = reader.text()
    const endpoint = reader.nullableText()
    const capacity = Math.max(1, reader.number())
    const states = reader.list(() => ({
      taskId: reader.text(),
      isRunning: reader.number() === 1,
      offsetSum: reader.number(),
    }))
    const rack = version >= 2 ? reader.nullableText() : null
    const ends = version >= 2 ? reader.list(() => reader.nullableNumber()) : []
    return {
      version,
      processId,
      endpoint,
      rack,
      capacity,
      states: states.map((state, index) => ({ ...state, endOffsetSum: ends[index] ?? null })),
    }
  })
}
