import { pause, type Clock } from '../../core/clock.ts'
import type { AlertMessage } from './alert.ts'
import type { Channel, Delivery } from './channels/channel.ts'

interface AttemptLimits {
  readonly clock: Clock
  readonly maxMs: number
  readonly signal?: AbortSignal
}

/** One attempt, which ends in time also where the channel does not. Never rejects. */
export async function attempt(
  channel: Channel,
  message: AlertMessage,
  { clock, maxMs, signal }: AttemptLimits,
): Promise<Delivery> {
  const over = new AbortController()
  const settled = new AbortController()
  const cut = AbortSignal.any([over.signal, ...(signal === undefined ? [] : [signal])])
  const overdue = async (): Promise<Delivery> => {
    await pause(clock, maxMs, AbortSignal.any([settled.signal, cut]))
    over.abort()
    const answer = `no answer within ${maxMs} ms`
    return { isDelivered: false, answer, isFinal: false, retryAfterMs: null }
  }
  try {
    return await Promise.race([channel.send(message, cut), overdue()])
  } finally {
    settled.abort()
  }
}
