/** A way to tell somebody. */
import type { AlertMessage } from '../alert.ts'

export const channelNames = ['slack', 'email', 'webhook'] as const
export type ChannelName = (typeof channelNames)[number]

export interface Channel {
  readonly name: ChannelName
  /** Where messages go, as it may be printed. */
  readonly target: string
  /** One attempt; never rejects. What hangs is cut by the signal. */
  send(message: AlertMessage, signal: AbortSignal): Promise<Delivery>
}

/** What came of an attempt. No text in it has a secret. */
export type Delivery =
  | { readonly isDelivered: true; readonly answer: string }
  | {
      readonly isDelivered: false
      readonly answer: string
      /** True: the same again would be refused again. */
      readonly isFinal: boolean
      /** What the other side asked for; null where it did not. */
      readonly retryAfterMs: number | null
    }
