/** Alerts of a whole instance, and `tidemark alerts test`, against real servers. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Configuration } from '../../src/app/configuration.ts'
import { openHookServer } from '../../src/app/alerts/test-support/hook-server.ts'
import { openMailServer } from '../../src/app/alerts/test-support/mail-server.ts'
import { answerEvent, ofValues, TestInstance } from './doors-support/test-instance.ts'
import { runCommand } from './support/run-command.ts'

const secret = 'T1/B2/very-secret'

test('a channel that hangs keeps nothing from its work, and what it gets says what, where and how', async () => {
  const hanging: ServerResponse[] = []
  const server = await openHookServer((response) => hanging.push(response))
  const flags = {
    'alerts.webhookUrl': `${server.url}/${secret}`,
    'alerts.webhookToken': secret,
    'alerts.groupWaitMs': 0,
    'alerts.quarantinedMax': 2,
  } as Partial<Record<keyof Configuration, unknown>>
  const instance = await TestInstance.open(flags)
  try {
    const bad = { ...answerEvent('bad'), timestamp: 'yesterday' }
    const values = ofValues(bad, bad, bad, answerEvent('good'))
    const { status } = await instance.post('/topics/answers?on_error=quarantine', values)
    assert.equal(status, 200)
    await server.posted(1)
    await instance.post('/topics/answers', ofValues(answerEvent('while it hangs')))
    assert.ok(await instance.instance.whenIdle(30_000))
    const { alerts, quarantined } = instance.instance.status()
    assert.equal(quarantined, 3)
    assert.deepEqual(
      alerts.firing.map(({ name, labels }) => [name, labels]),
      [['QuarantineGrowing', { topic: 'answers' }]],
    )
    assert.equal(alerts.channels[0]?.waiting, 1)
    const [post] = server.posts
    assert.equal(post?.body.alerts[0].labels.alertname, 'TidemarkQuarantineGrowing')
    assert.match(post.body.alerts[0].annotations.description, /^3 records of topic answers went/)
    assert.match(post.body.alerts[0].annotations.mend, /tidemark quarantine list/)
    const told = await Promise.all(['/api/status', '/metrics', '/healthz'].map(ask(instance)))
    assert.match(told[1] ?? '', /^tidemark_alerts_firing\{alert="QuarantineGrowing"\} 1$/m)
    for (const text of told) assert.ok(!text.includes(secret), text)
  } finally {
    for (const response of hanging) response.end()
    await instance.stop()
    await server.close()
  }
  assert.equal(instance.instance.status().alerts.channels[0]?.delivered, 1)
})

test('an instance that fails tells why before it ends, and the next one that it is over', async () => {
  const server = await openHookServer((response) => response.end())
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-alerts-'))
  const flags = { dataDir, 'alerts.webhookUrl': server.url, 'alerts.groupWaitMs': 0 }
  const first = await TestInstance.open(flags)
  try {
    const { clickhouse } = first.instance.services
    await clickhouse.writer.command({
      // What no set-up mends.
      query: 'ALTER TABLE mcq.question_interaction_fact_versions ADD CONSTRAINT none CHECK 0',
    })
    await first.post('/topics/answers', ofValues(answerEvent('ann')))
    await assert.rejects(first.instance.failed)
    await first.stop().catch(() => {})
    const [failed] = server.posts.flatMap(({ body }) => body.alerts)
    assert.equal(failed.labels.alertname, 'TidemarkInstanceFailed')
    assert.match(failed.annotations.description, /question_interaction_fact/)
    const second = await TestInstance.open({ ...flags, topologies: ['exam-scores'] })
    try {
      await server.posted(2)
    } finally {
      await second.stop()
    }
    const over = server.posts[1]?.body.alerts[0]
    assert.deepEqual([over.labels.alertname, over.status], ['TidemarkInstanceFailed', 'resolved'])
    assert.equal(over.startsAt, failed.startsAt)
  } finally {
    await server.close()
    await rm(dataDir, { recursive: true })
  }
})

function ask({ instance }: TestInstance) {
  return async (path: string) => (await instance.apps.console.request(path)).text()
}

test('alerts test prints what each channel answered, and fails where one does', async (context) => {
  const slack = await openHookServer((response) => response.end('ok'))
  const webhook = await openHookServer((response, { path }) => {
    response.writeHead(410).end(`gone: ${path}`)
  })
  const mail = await openMailServer({ username: 'me', password: 'mail-secret' })
  if (mail === null) {
    context.skip('openssl, which makes the certificate, is not installed')
    return
  }
  const environment = {
    TIDEMARK_ALERTS_SLACK_URL: `${slack.url}/${secret}`,
    TIDEMARK_ALERTS_WEBHOOK_URL: `${webhook.url}/${secret}`,
    TIDEMARK_ALERTS_EMAIL_TO: 'ops@example.org',
    TIDEMARK_ALERTS_EMAIL_FROM: 'tidemark@example.org',
    TIDEMARK_ALERTS_SMTP_HOST: '127.0.0.1',
    TIDEMARK_ALERTS_SMTP_PORT: String(mail.port),
    TIDEMARK_ALERTS_SMTP_TLS: 'none',
  }
  try {
    const all = await runCommand(['alerts', 'test', '--format', 'json'], environment)
    assert.deepEqual(
      JSON.parse(all.stdout).map(({ ms: _, ...row }: { ms: number }) => row),
      [
        { channel: 'slack', target: new URL(slack.url).host, delivered: 'yes', answer: '200 ok' },
        {
          ...{ channel: 'email', target: `ops@example.org by 127.0.0.1:${mail.port}` },
          ...{ delivered: 'yes', answer: '250 kept' },
        },
        {
          ...{ channel: 'webhook', target: webhook.url },
          ...{ delivered: 'no', answer: '410 gone: (secret)' },
        },
      ],
    )
    assert.deepEqual([all.code, all.stderr], [1, ''])
    assert.match(slack.posts[0]?.body.text, /^\*\[TEST\] Tidemark .*: this is a test, nothing is/)
    assert.equal(webhook.posts[0]?.body.alerts[0].labels.severity, 'none')
    assert.match(mail.mails[0]?.text ?? '', /^Subject: \[TEST\] Tidemark /m)
    const one = await runCommand(['alerts', 'test', '--channel', 'slack'], environment)
    assert.deepEqual([one.code, slack.posts.length, webhook.posts.length], [0, 2, 1])
  } finally {
    await Promise.all([slack.close(), webhook.close(), mail.close()])
  }
})

test('alerts test says so where nobody would be told', async () => {
  const none = await runCommand(['alerts', 'test'])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /no channel is set up, so nobody would be told: set alerts\.slackUrl/)
  const environment = { TIDEMARK_ALERTS_SLACK_URL: `http://127.0.0.1:1/${secret}` }
  const other = await runCommand(['alerts', 'test', '--channel', 'email'], environment)
  assert.equal(other.code, 2)
  assert.match(other.stderr, /--channel email is not set up; there are slack/)
})
