/**
 * Alerts of an instance: looks at what it tells of itself, keeps what is an alert, and hands messages to the channels.
 * A look is short and waits for nothing; the channels work beside it.
 */
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { AlertsStatus } from '../../server/console/instance-status.ts'
import type { Alert } from './alert.ts'
import { AlertBook } from './alert-book.ts'
import type { AlertFile } from './alert-file.ts'
import type { AlertsConfiguration } from './alerts-configuration.ts'
import { ChannelQueue, type ChannelLimits } from './channel-queue.ts'
import type { Channel } from './channels/channel.ts'
import { AlertRules, type Look } from './rules.ts'
import { StandingAlerts } from './standing-alerts.ts'

export interface AlertsOptions {
  readonly configuration: Pick<AlertsConfiguration, 'pace' | 'bounds'>
  readonly channels: readonly Channel[]
  readonly clock: Clock
  /** As messages call this instance. */
  readonly instance: string
  readonly file: AlertFile
  /** A line for the operator. */
  readonly tell: (line: string) => void
  readonly limits?: Partial<ChannelLimits>
}

const lookIntervalMs = 1_000
/** A stop has ten seconds for all. */
const closeMaxMs = 2_500

export class Alerts {
  /** Raised and cleared by whoever learns of it. */
  readonly standing: StandingAlerts
  readonly #options: AlertsOptions
  readonly #book: AlertBook
  readonly #rules: AlertRules
  readonly #queues: readonly ChannelQueue[]
  #look: (() => Look) | null = null
  #cancel = () => {}
  /** Of the last look; null where it went well. */
  #fault: string | null = null

  constructor(options: AlertsOptions) {
    const { configuration, channels, clock, file, tell, limits = {} } = options
    const held = file.read()
    this.#options = options
    this.#book = new AlertBook(configuration.pace, held)
    this.#rules = new AlertRules(configuration.bounds)
    this.standing = new StandingAlerts(held.filter(({ name }) => standingNames.has(name)))
    this.#queues = channels.map((channel) => new ChannelQueue({ channel, clock, limits, tell }))
  }

  /** Looks from now on. Returns how to end: as `close`. */
  watch(look: () => Look): () => Promise<void> {
    this.#look = look
    this.#keepLooking()
    return () => this.close()
  }

  /** What is there to tell is told without waiting for what may come with it. */
  tellNow(): void {
    this.#step(true)
  }

  status(): AlertsStatus {
    const firing = this.#book.firing(this.#options.clock.nowMs())
    return {
      firing: firing.map(({ name, labels, what, mend, startsAtMs }) => ({
        ...{ name, labels, what, mend },
        sinceMs: startsAtMs,
      })),
      channels: this.#queues.map((queue) => ({
        name: queue.channel.name,
        target: queue.channel.target,
        ...queue.counts(),
      })),
    }
  }

  /** Tells what is there to tell, and waits for the channels, but not long. */
  async close(): Promise<void> {
    this.#cancel()
    this.#step(true)
    this.#look = null
    await Promise.all(this.#queues.map((queue) => queue.close(closeMaxMs)))
  }

  #keepLooking(): void {
    this.#step(false)
    this.#cancel = this.#options.clock.after(lookIntervalMs, () => {
      this.#keepLooking()
    })
  }

  /** Whatever goes wrong in a look, the instance works on without it. */
  #step(atOnce: boolean): void {
    if (this.#look === null) return
    try {
      this.#lookAndTell(this.#look, atOnce)
      this.#fault = null
    } catch (thrown) {
      const fault = messageOf(thrown)
      if (fault !== this.#fault) this.#options.tell(`alerts: the look failed: ${fault}`)
      this.#fault = fault
    }
  }

  #lookAndTell(look: () => Look, atOnce: boolean): void {
    const nowMs = this.#options.clock.nowMs()
    for (const key of this.standing.takeHandedOver()) this.#book.forget(key)
    const conditions = this.#rules.conditions(look(), nowMs)
    this.#book.look([...conditions, ...this.standing.all()], nowMs)
    this.#send(this.#book.take(nowMs, atOnce))
    this.#options.file.write(this.#book.firing(nowMs))
  }

  #send(alerts: readonly Alert[]): void {
    if (alerts.length === 0) return
    const { instance } = this.#options
    for (const queue of this.#queues) queue.offer({ instance, alerts })
  }
}

const standingNames: ReadonlySet<string> = new Set([
  'JobFailed',
  'QualityCheckFailed',
  'AnomaliesFound',
])
