/** A test message through each channel, once and without a second try: what does it answer? */
import type { Clock } from '../../core/clock.ts'
import type { AlertMessage } from './alert.ts'
import { attempt } from './attempt.ts'
import { channelLimits } from './channel-queue.ts'
import type { Channel, ChannelName } from './channels/channel.ts'

export interface ChannelTest {
  readonly channel: ChannelName
  readonly target: string
  readonly isDelivered: boolean
  /** What the other side said. */
  readonly answer: string
  readonly tookMs: number
}

/** All at once, in their order. */
export function testChannels(
  channels: readonly Channel[],
  instance: string,
  clock: Clock,
): Promise<readonly ChannelTest[]> {
  return Promise.all(
    channels.map(async (channel) => {
      const startedMs = clock.monotonicMs()
      const delivery = await attempt(channel, testMessage(instance, clock), {
        clock,
        maxMs: channelLimits.attemptMaxMs,
      })
      return {
        channel: channel.name,
        target: channel.target,
        isDelivered: delivery.isDelivered,
        answer: delivery.answer,
        tookMs: Math.round(clock.monotonicMs() - startedMs),
      }
    }),
  )
}

function testMessage(instance: string, clock: Clock): AlertMessage {
  const alert = {
    name: 'Test',
    labels: {},
    what: 'somebody ran tidemark alerts test to see whether messages arrive; they do',
    mend: 'nothing is to be done',
    forMs: 0,
    startsAtMs: clock.nowMs(),
    endsAtMs: null,
  } as const
  return { instance, alerts: [alert] }
}
