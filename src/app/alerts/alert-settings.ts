/** The settings of `alerts.`; an address that one may post to is a secret, since nothing else keeps others out. */
import { optional, secret, setting } from '../setting.ts'
import { emailAddress, emailAddresses, oneOf, text, wholeNumber } from '../setting-readers.ts'

const minute = 60_000
const day = 24 * 60 * minute
const count = wholeNumber(0, 1_000_000_000)

export const alertSettings = {
  'alerts.slackUrl': secret(),
  'alerts.slackUrlFile': optional(text),
  'alerts.webhookUrl': secret(),
  'alerts.webhookUrlFile': optional(text),
  'alerts.webhookToken': secret(),
  'alerts.webhookTokenFile': optional(text),
  'alerts.emailTo': optional<readonly string[]>(emailAddresses),
  'alerts.emailFrom': optional(emailAddress),
  'alerts.smtpHost': optional(text),
  'alerts.smtpPort': optional(wholeNumber(1, 65_535)),
  'alerts.smtpTls': setting<'starttls' | 'implicit' | 'none'>(
    'starttls',
    oneOf(['starttls', 'implicit', 'none']),
  ),
  'alerts.smtpTlsCaFile': optional(text),
  'alerts.smtpUsername': optional(text),
  'alerts.smtpPassword': secret(),
  'alerts.smtpPasswordFile': optional(text),
  'alerts.groupWaitMs': setting(10_000, wholeNumber(0, 60 * minute)),
  'alerts.repeatIntervalMs': setting(240 * minute, wholeNumber(minute, 30 * day)),
  'alerts.awayForMs': setting(minute, wholeNumber(0, day)),
  'alerts.lagMax': setting(100_000, count),
  'alerts.lagForMs': setting(5 * minute, wholeNumber(0, day)),
  'alerts.windowMs': setting(5 * minute, wholeNumber(1_000, day)),
  'alerts.failuresMax': setting(100, count),
  'alerts.quarantinedMax': setting(100, count),
} as const
