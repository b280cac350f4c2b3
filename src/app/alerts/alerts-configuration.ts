/** Where alerts go and what is one, put together from the settings of `alerts.`. */
import { Secret } from '../secret.ts'
import { SettingsReader } from '../settings-reader.ts'
import type { SettingPath, SettingValues } from '../settings.ts'

export interface AlertsConfiguration {
  /** Each is null where nobody has set it up. */
  readonly slack: SlackConfiguration | null
  readonly email: EmailConfiguration | null
  readonly webhook: WebhookConfiguration | null
  readonly pace: AlertPace
  readonly bounds: AlertBounds
}

export interface SlackConfiguration {
  readonly url: Secret
}

export interface WebhookConfiguration {
  readonly url: Secret
  /** Sent as `Authorization: Bearer`. */
  readonly token: Secret | null
}

export interface EmailConfiguration {
  readonly to: readonly string[]
  readonly from: string
  readonly host: string
  readonly port: number
  readonly tls: SettingValues['alerts.smtpTls']
  /** PEM; null trusts the machine's authorities. */
  readonly tlsCa: string | null
  readonly login: { readonly username: string; readonly password: Secret } | null
}

export interface AlertPace {
  /** What begins or ends within so long goes into one message. */
  readonly groupWaitMs: number
  /** What lasts is told again after so long. */
  readonly repeatIntervalMs: number
}

export interface AlertBounds {
  /** A server, or the disk's room, that is away for a shorter time is no alert. */
  readonly awayForMs: number
  /** Records or facts of one group that may wait, */
  readonly lagMax: number
  /** and for how long there may be more. */
  readonly lagForMs: number
  /** Over which growth is taken. */
  readonly windowMs: number
  /** Records of one node that may fail in a window. */
  readonly failuresMax: number
  /** Records that may go to quarantine in a window, of one topology or one topic's door. */
  readonly quarantinedMax: number
}

const ports = { starttls: 587, implicit: 465, none: 25 }

/** Faults name where the setting was made, and never what is in a secret. */
export function alertsConfiguration(
  values: SettingValues,
  origins: ReadonlyMap<SettingPath, string>,
  faults: string[],
): AlertsConfiguration {
  const reader = new SettingsReader(values, origins, faults, 'an alert by e-mail')
  const slack = url(reader, 'alerts.slackUrl')
  return {
    slack: slack === null ? null : { url: slack },
    webhook: webhookOf(reader),
    email: emailOf(reader),
    pace: {
      groupWaitMs: values['alerts.groupWaitMs'],
      repeatIntervalMs: values['alerts.repeatIntervalMs'],
    },
    bounds: {
      awayForMs: values['alerts.awayForMs'],
      lagMax: values['alerts.lagMax'],
      lagForMs: values['alerts.lagForMs'],
      windowMs: values['alerts.windowMs'],
      failuresMax: values['alerts.failuresMax'],
      quarantinedMax: values['alerts.quarantinedMax'],
    },
  }
}

function webhookOf(reader: SettingsReader): WebhookConfiguration | null {
  const webhook = url(reader, 'alerts.webhookUrl')
  const token = reader.secret('alerts.webhookToken')
  if (webhook !== null) return { url: webhook, token }
  const isTried = reader.isSet('alerts.webhookUrl') || reader.isSet('alerts.webhookUrlFile')
  if (token !== null && !isTried) {
    reader.fault('alerts.webhookUrl', 'missing: the token needs an address to go to')
  }
  return null
}

function url(reader: SettingsReader, path: 'alerts.slackUrl' | 'alerts.webhookUrl'): Secret | null {
  const found = reader.secret(path)
  if (found === null) return null
  const parsed = URL.parse(found.reveal().trim())
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) {
    const place = reader.isSet(path) ? path : (`${path}File` as const)
    reader.fault(place, 'expected a URL like https://host/path')
    return null
  }
  // A request takes no credentials in its address.
  if (parsed.username !== '' || parsed.password !== '') {
    reader.fault(path, 'credentials in the address are not sent; set alerts.webhookToken instead')
    return null
  }
  return new Secret(parsed.href)
}

const ofMail = ['alerts.emailFrom', 'alerts.smtpHost', 'alerts.smtpUsername'] as const

function emailOf(reader: SettingsReader): EmailConfiguration | null {
  const { values } = reader
  const to = values['alerts.emailTo']
  const login = loginOf(reader)
  const tlsCa = reader.pem('alerts.smtpTlsCaFile') ?? null
  if (to === null) {
    const given = ofMail.find((path) => values[path] !== null)
    if (given !== undefined && !reader.isSet('alerts.emailTo')) {
      reader.fault(given, 'says nothing without alerts.emailTo')
    }
    return null
  }
  const tls = values['alerts.smtpTls']
  if (tls === 'none' && login !== null) {
    reader.fault('alerts.smtpTls', 'a password is not sent without TLS: starttls or implicit')
  }
  return {
    to,
    from: values['alerts.emailFrom'] ?? reader.missing('alerts.emailFrom', ''),
    host: values['alerts.smtpHost'] ?? reader.missing('alerts.smtpHost', ''),
    port: values['alerts.smtpPort'] ?? ports[tls],
    tls,
    tlsCa,
    login,
  }
}

function loginOf(reader: SettingsReader): EmailConfiguration['login'] {
  const username = reader.values['alerts.smtpUsername']
  const password = reader.secret('alerts.smtpPassword')
  if (username === null) {
    const isTried = reader.isSet('alerts.smtpUsername')
    if (password !== null && !isTried) {
      reader.fault('alerts.smtpUsername', 'missing: the password needs one')
    }
    return null
  }
  return {
    username,
    password: password ?? reader.missing('alerts.smtpPassword', new Secret('')),
  }
}
