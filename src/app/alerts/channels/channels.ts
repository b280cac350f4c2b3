import type { AlertsConfiguration } from '../alerts-configuration.ts'
import type { Channel } from './channel.ts'
import { emailChannel } from './email.ts'
import { slackChannel } from './slack.ts'
import { webhookChannel } from './webhook.ts'

/** Those that are set up. */
export function channelsOf({ slack, email, webhook }: AlertsConfiguration): readonly Channel[] {
  return [
    ...(slack === null ? [] : [slackChannel(slack)]),
    ...(email === null ? [] : [emailChannel(email)]),
    ...(webhook === null ? [] : [webhookChannel(webhook)]),
  ]
}
