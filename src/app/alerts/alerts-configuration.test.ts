import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { inspect } from 'node:util'
import { TidemarkError } from '../../core/errors.ts'
import { loadConfiguration } from '../configuration.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-alerts-'))
after(() => {
  rmSync(directory, { recursive: true })
})

function fileWith(name: string, text: string): string {
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}

/** Names without `TIDEMARK_ALERTS_`. */
function load(settings: Readonly<Record<string, string>>) {
  const named = Object.entries(settings).map(([name, value]) => [`TIDEMARK_ALERTS_${name}`, value])
  const environment = Object.fromEntries(named) as Record<string, string>
  return loadConfiguration({ flags: {}, environment, directory: tmpdir() }).alerts
}

function faultsOf(settings: Readonly<Record<string, string>>): readonly string[] {
  try {
    load(settings)
  } catch (thrown) {
    assert.ok(thrown instanceof TidemarkError)
    assert.equal(thrown.code, 'CONFIGURATION_INVALID')
    return thrown.message.split('\n').slice(1)
  }
  return assert.fail('nothing was refused')
}

test('nothing is set up unless somebody does, and the bounds are there all the same', () => {
  const { slack, email, webhook, pace, bounds } = load({})
  assert.deepEqual([slack, email, webhook], [null, null, null])
  assert.deepEqual([pace.repeatIntervalMs, bounds.lagMax], [14_400_000, 100_000])
})

test('all three channels, their secrets from files, and none of them is printed', () => {
  const alerts = load({
    SLACK_URL_FILE: fileWith('slack', 'https://hooks.example.org/services/T/B/hidden-1\n'),
    WEBHOOK_URL: 'http://hooks.example.org:9/x?key=hidden-2',
    WEBHOOK_TOKEN_FILE: fileWith('token', 'hidden-3\n'),
    EMAIL_TO: 'a@example.org, b@example.org',
    EMAIL_FROM: 'tidemark@example.org',
    SMTP_HOST: 'mail.example.org',
    SMTP_USERNAME: 'me',
    SMTP_PASSWORD_FILE: fileWith('password', 'hidden-4\n'),
  })
  assert.match(alerts.slack?.url.reveal() ?? '', /hidden-1$/)
  assert.match(alerts.webhook?.url.reveal() ?? '', /hidden-2$/)
  assert.equal(alerts.webhook?.token?.reveal(), 'hidden-3')
  assert.deepEqual(alerts.email?.to, ['a@example.org', 'b@example.org'])
  assert.deepEqual([alerts.email.port, alerts.email.tls], [587, 'starttls'])
  assert.equal(alerts.email.login?.password.reveal(), 'hidden-4')
  for (const shown of [inspect(alerts, { depth: 9 }), JSON.stringify(alerts)]) {
    assert.ok(!shown.includes('hidden'), shown)
  }
})

test('every fault is told at once, with where it was set, and without a secret', () => {
  const faults = faultsOf({
    SLACK_URL: 'hidden-1',
    WEBHOOK_URL: 'https://me:hidden-2@example.org/',
    EMAIL_TO: 'ops@example.org,nobody',
    SMTP_TLS: 'maybe',
    SMTP_TLS_CA_FILE: fileWith('no-ca', 'hidden-3'),
    SMTP_PASSWORD: 'hidden-4',
    REPEAT_INTERVAL_MS: '1',
    LAG_MAX: 'much',
  })
  assert.deepEqual(
    faults.map((fault) => fault.trim().replace(/^environment TIDEMARK_ALERTS_/, '')).sort(),
    [
      'EMAIL_TO: expected an address like somebody@example.org, found "nobody"',
      'LAG_MAX: expected a whole number from 0 to 1000000000, found "much"',
      'REPEAT_INTERVAL_MS: expected a whole number from 60000 to 2592000000, found "1"',
      'SLACK_URL: expected a URL like https://host/path',
      'SMTP_TLS: expected one of starttls, implicit, none, found "maybe"',
      'SMTP_TLS_CA_FILE: is not PEM, which begins with -----BEGIN',
      'WEBHOOK_URL: credentials in the address are not sent; set alerts.webhookToken instead',
      'alerts.smtpUsername: missing: the password needs one',
    ],
  )
})

test('half a channel is refused, and says what it lacks', () => {
  assert.deepEqual(faultsOf({ EMAIL_TO: 'ops@example.org' }), [
    '  alerts.emailFrom: missing; an alert by e-mail needs it',
    '  alerts.smtpHost: missing; an alert by e-mail needs it',
  ])
  assert.match(faultsOf({ SMTP_HOST: 'mail' }).join(), /SMTP_HOST: says nothing without alerts\.em/)
  assert.match(faultsOf({ WEBHOOK_TOKEN: 'x' }).join(), /webhookUrl: missing: the token needs/)
  const both = { SLACK_URL: 'https://a/b', SLACK_URL_FILE: fileWith('both', 'https://a/b') }
  assert.match(faultsOf(both).join(), /set alerts\.slackUrl or alerts\.slackUrlFile, not both/)
  assert.match(faultsOf({ SLACK_URL_FILE: join(directory, 'absent') }).join(), /cannot be read/)
})

test('a password does not go over a line that anybody can read', () => {
  const mail = { EMAIL_TO: 'a@example.org', EMAIL_FROM: 'b@example.org', SMTP_HOST: 'mail' }
  const login = { SMTP_USERNAME: 'me', SMTP_PASSWORD: 'x' }
  assert.match(
    faultsOf({ ...mail, ...login, SMTP_TLS: 'none' }).join(),
    /SMTP_TLS: a password is not sent without TLS: starttls or implicit/,
  )
  assert.equal(load({ ...mail, SMTP_TLS: 'none' }).email?.port, 25)
  assert.equal(load({ ...mail, ...login, SMTP_TLS: 'implicit' }).email?.port, 465)
})
