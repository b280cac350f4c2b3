/**
 * Messages on their way through one channel, in order, beside the work of the instance: nobody waits for them.
 *
 * Invariants:
 *  1. At most `messagesMax` wait; of more the oldest that is not under way is given up.
 *  2. An attempt ends after `attemptMaxMs`, also where the channel does not; a message after `attemptsMax` attempts.
 *  3. Nothing here rejects: what fails is counted.
 */
import { pause, type Clock } from '../../core/clock.ts'
import type { ChannelStatus } from '../../server/console/instance-status.ts'
import type { AlertMessage } from './alert.ts'
import { attempt } from './attempt.ts'
import type { Channel, Delivery } from './channels/channel.ts'

export interface ChannelQueueOptions {
  readonly channel: Channel
  readonly clock: Clock
  readonly limits?: Partial<ChannelLimits>
  /** A line for the operator: when a channel begins not to take messages, and when it takes them again. */
  readonly tell: (line: string) => void
}

export interface ChannelLimits {
  /** Two at least. */
  readonly messagesMax: number
  readonly attemptsMax: number
  readonly attemptMaxMs: number
  /** Doubles with each attempt, */
  readonly firstRetryMs: number
  /** and is never longer, whatever the other side asks for. */
  readonly retryMaxMs: number
}

export const channelLimits: ChannelLimits = {
  messagesMax: 100,
  attemptsMax: 6,
  attemptMaxMs: 10_000,
  firstRetryMs: 2_000,
  retryMaxMs: 60_000,
}

/** Since the start of the process. */
export type ChannelCounts = Omit<ChannelStatus, 'name' | 'target'>

export class ChannelQueue {
  readonly channel: Channel
  readonly #clock: Clock
  readonly #limits: ChannelLimits
  readonly #tell: (line: string) => void
  readonly #ended = new AbortController()
  readonly #counts = { delivered: 0, failed: 0, dropped: 0, retries: 0 }
  #waiting: AlertMessage[] = []
  #running: Promise<void> | null = null
  #trouble: string | null = null

  constructor({ channel, clock, limits, tell }: ChannelQueueOptions) {
    this.channel = channel
    this.#clock = clock
    this.#limits = { ...channelLimits, ...limits }
    this.#tell = tell
  }

  /** Takes the message and returns at once. */
  offer(message: AlertMessage): void {
    this.#waiting.push(message)
    if (this.#waiting.length > this.#limits.messagesMax) {
      this.#waiting.splice(1, 1)
      this.#counts.dropped += 1
    }
    if (!this.#ended.signal.aborted) this.#running ??= this.#run()
  }

  counts(): ChannelCounts {
    return { ...this.#counts, waiting: this.#waiting.length, trouble: this.#trouble }
  }

  /** Resolves when nothing waits any more, or once `maxMs` is over: what still waits then is given up. */
  async close(maxMs: number): Promise<void> {
    const done = new AbortController()
    await Promise.race([this.#running, pause(this.#clock, maxMs, done.signal)])
    done.abort()
    this.#ended.abort()
    await this.#running
    this.#counts.dropped += this.#waiting.length
    this.#waiting = []
  }

  async #run(): Promise<void> {
    // The caller goes on first.
    await Promise.resolve()
    for (;;) {
      const message = this.#waiting[0]
      if (message === undefined || this.#ended.signal.aborted) break
      if (await this.#deliver(message)) this.#waiting.shift()
    }
    this.#running = null
  }

  /** False where the process ends before it was known. */
  async #deliver(message: AlertMessage): Promise<boolean> {
    const { attemptsMax, firstRetryMs, retryMaxMs } = this.#limits
    for (let tries = 1; ; tries++) {
      const delivery = await attempt(this.channel, message, {
        clock: this.#clock,
        maxMs: this.#limits.attemptMaxMs,
        signal: this.#ended.signal,
      })
      if (!delivery.isDelivered && this.#ended.signal.aborted) return false
      this.#tellTrouble(delivery)
      if (delivery.isDelivered) {
        this.#counts.delivered += 1
        return true
      }
      if (delivery.isFinal || tries === attemptsMax) {
        this.#counts.failed += 1
        return true
      }
      const backOffMs = Math.max(firstRetryMs * 2 ** (tries - 1), delivery.retryAfterMs ?? 0)
      await pause(this.#clock, Math.min(backOffMs, retryMaxMs), this.#ended.signal)
      if (this.#ended.signal.aborted) return false
      this.#counts.retries += 1
    }
  }

  #tellTrouble(delivery: Delivery): void {
    const { name, target } = this.channel
    const was = this.#trouble
    this.#trouble = delivery.isDelivered ? null : delivery.answer
    if (was === null && this.#trouble !== null) {
      this.#tell(`alerts: ${name} (${target}) does not take messages: ${this.#trouble}`)
    } else if (was !== null && this.#trouble === null) {
      this.#tell(`alerts: ${name} (${target}) takes messages again`)
    }
  }
}
