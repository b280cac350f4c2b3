/** Each channel against a real server of its kind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { after, describe, test, type TestContext } from 'node:test'
import type { SMTPServerOptions } from 'smtp-server'
import { Secret } from '../../secret.ts'
import type { Alert, AlertMessage } from '../alert.ts'
import type { EmailConfiguration } from '../alerts-configuration.ts'
import { openHookServer } from '../test-support/hook-server.ts'
import { openMailServer, type MailServer } from '../test-support/mail-server.ts'
import type { Channel, Delivery } from './channel.ts'
import { emailChannel } from './email.ts'
import { slackChannel } from './slack.ts'
import { webhookChannel } from './webhook.ts'

const alert: Alert = {
  name: 'GroupLag',
  labels: { group: 'mcq' },
  what: 'many <records> & more wait',
  mend: 'start another instance',
  forMs: 0,
  startsAtMs: 1_000,
  endsAtMs: null,
}
const message: AlertMessage = {
  instance: 'learning-1',
  alerts: [alert, { ...alert, name: 'BrokersAway', labels: {}, endsAtMs: 61_000 }],
}
const never = new AbortController().signal
const path = '/services/T1/B2/very-secret'

function refusal(delivery: Delivery) {
  assert.ok(!delivery.isDelivered)
  return delivery
}

describe('Slack', () => {
  test('gets one text with what, where, since and how to mend, which mentions nobody', async () => {
    const server = await openHookServer((response) => response.end('ok'))
    const channel = slackChannel({ url: new Secret(server.url + path) })
    assert.deepEqual(await channel.send(message, never), { isDelivered: true, answer: '200 ok' })
    const [post] = server.posts
    assert.equal(post?.path, path)
    assert.deepEqual(Object.keys(post.body as object), ['text'])
    const { text } = post.body as { text: string }
    assert.deepEqual(text.split('\n'), [
      '*[FIRING:1 RESOLVED:1] Tidemark learning-1: GroupLag, BrokersAway*',
      '',
      '*FIRING GroupLag (warning): a group is behind*',
      '• what: many &lt;records&gt; &amp; more wait',
      '• where: instance learning-1, group mcq',
      '• since: 1970-01-01T00:00:01.000Z',
      '• mend: start another instance',
      '',
      '*RESOLVED BrokersAway (critical): the brokers cannot be reached*',
      '• what: many &lt;records&gt; &amp; more wait',
      '• where: instance learning-1',
      '• since: 1970-01-01T00:00:01.000Z',
      '• over: 1970-01-01T00:01:01.000Z',
    ])
    assert.ok(!channel.target.includes('secret'), channel.target)
    await server.close()
  })

  test('a text stays short, however many alerts and however long', async () => {
    const server = await openHookServer((response) => response.end('ok'))
    const many = Array.from({ length: 500 }, (_, index) => ({
      ...alert,
      labels: { group: `g${index}` },
      what: 'x'.repeat(100_000),
    }))
    const channel = slackChannel({ url: new Secret(server.url) })
    await channel.send({ ...message, alerts: many }, never)
    const { text } = server.posts[0]?.body as { text: string }
    assert.ok(text.length < 20_000, String(text.length))
    assert.match(text, /and 480 more: see the status of the instance$/)
    await server.close()
  })
})

describe('a webhook', () => {
  test('gets what Alertmanager sends, and the token', async () => {
    const server = await openHookServer((response) => response.end())
    const token = new Secret('bearer-secret')
    const channel = webhookChannel({ url: new Secret(`${server.url}/hook`), token })
    assert.ok((await channel.send(message, never)).isDelivered)
    const [{ headers, body } = assert.fail('nothing came')] = server.posts
    assert.equal(headers.authorization, 'Bearer bearer-secret')
    assert.match(headers['content-type'] ?? '', /^application\/json/)
    const [{ fingerprint, ...first }, second] = body.alerts
    assert.deepEqual(
      { ...body, alerts: 2 },
      {
        version: '4',
        groupKey: '{}:{instance="learning-1"}',
        truncatedAlerts: 0,
        status: 'firing',
        receiver: 'tidemark',
        groupLabels: { instance: 'learning-1' },
        commonLabels: { job: 'tidemark', instance: 'learning-1' },
        commonAnnotations: {},
        externalURL: '',
        alerts: 2,
      },
    )
    assert.deepEqual(first, {
      status: 'firing',
      labels: {
        ...{ group: 'mcq', alertname: 'TidemarkGroupLag', severity: 'warning' },
        ...{ job: 'tidemark', instance: 'learning-1' },
      },
      annotations: {
        summary: 'a group is behind',
        description: 'many <records> & more wait',
        mend: 'start another instance',
      },
      startsAt: '1970-01-01T00:00:01.000Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: '',
    })
    assert.match(fingerprint, /^[0-9a-f]{16}$/)
    assert.deepEqual([second.status, second.endsAt], ['resolved', '1970-01-01T00:01:01.000Z'])
    assert.equal(channel.target, server.url)
    await server.close()
  })

  test('an answer says whether the same again may go well, and when', async () => {
    const answers: [number, Record<string, string>][] = [
      [404, {}],
      [429, { 'retry-after': '7' }],
      [503, {}],
      [302, { location: 'http://127.0.0.1:1/elsewhere' }],
    ]
    const server = await openHookServer((response) => {
      const [status, headers] = answers.shift() ?? [500, {}]
      response.writeHead(status, headers).end('why')
    })
    const channel = webhookChannel({ url: new Secret(server.url), token: null })
    const found: unknown[] = []
    while (answers.length > 0) found.push(await channel.send(message, never))
    assert.deepEqual(found, [
      { isDelivered: false, answer: '404 why', isFinal: true, retryAfterMs: null },
      { isDelivered: false, answer: '429 why', isFinal: false, retryAfterMs: 7_000 },
      { isDelivered: false, answer: '503 why', isFinal: false, retryAfterMs: null },
      { isDelivered: false, answer: '302 why', isFinal: true, retryAfterMs: null },
    ])
    await server.close()
  })

  test('no secret is in what a server says that knows it, nor in why it cannot be reached', async () => {
    const token = new Secret('bearer-secret')
    const server = await openHookServer((response, { path: at, headers }) => {
      response.writeHead(403).end(`${headers.authorization ?? ''} may not post to ${at}`)
    })
    const url = new Secret(server.url + path)
    const refused = refusal(await webhookChannel({ url, token }).send(message, never))
    assert.equal(refused.answer, '403 Bearer (secret) may not post to (secret)')
    await server.close()
    const away = refusal(await webhookChannel({ url, token }).send(message, never))
    assert.match(away.answer, /^connect ECONNREFUSED 127\.0\.0\.1:\d+$/)
    assert.ok(!away.isFinal)
  })

  test('one that never answers ends with the signal', async () => {
    const server = await openHookServer(() => {})
    const cut = new AbortController()
    const channel = webhookChannel({ url: new Secret(server.url), token: null })
    const sending = channel.send(message, cut.signal)
    await server.posted(1)
    cut.abort()
    assert.ok(!refusal(await sending).isFinal)
    await server.close()
  })
})

describe('e-mail', () => {
  const login = { username: 'alerts@example.org', password: 'mail-secret' }
  const servers: MailServer[] = []
  after(() => Promise.all(servers.map((server) => server.close())))

  async function open(context: TestContext, options: SMTPServerOptions = {}) {
    const server = await openMailServer(login, options)
    if (server === null) {
      context.skip('openssl, which makes the certificate, is not installed')
      return null
    }
    servers.push(server)
    return server
  }

  function channelTo(server: MailServer, of: Partial<EmailConfiguration> = {}): Channel {
    return emailChannel({
      to: ['ops@example.org', 'night@example.org'],
      from: 'tidemark@example.org',
      host: '127.0.0.1',
      port: server.port,
      tls: 'starttls',
      tlsCa: server.certificate,
      login: { username: login.username, password: new Secret(login.password) },
      ...of,
    })
  }

  test('goes encrypted to all, with a subject that says it all and a text that says more', async (context) => {
    const server = await open(context)
    if (server === null) return
    const delivery = await channelTo(server).send(message, never)
    assert.deepEqual(delivery, { isDelivered: true, answer: '250 kept' })
    const [mail] = server.mails
    assert.deepEqual(
      [mail?.from, mail?.to, mail?.isEncrypted],
      ['tidemark@example.org', ['ops@example.org', 'night@example.org'], true],
    )
    const text = mail?.text ?? ''
    assert.match(text, /^Subject: \[FIRING:1 RESOLVED:1\] Tidemark learning-1: GroupLag,/m)
    assert.match(text, /^Auto-Submitted: auto-generated\r$/m)
    assert.match(text, /^FIRING GroupLag \(warning\): a group is behind\r$/m)
    assert.match(text, /^ {2}where: instance learning-1, group mcq\r$/m)
    assert.match(text, /^ {2}mend: {2}start another instance\r$/m)
  })

  test('is not sent to a server that nobody vouches for, nor without TLS where TLS is wanted', async (context) => {
    const server = await open(context)
    if (server === null) return
    const unknown = refusal(await channelTo(server, { tlsCa: null }).send(message, never))
    assert.match(unknown.answer, /self-signed/)
    const plain = await open(context, { disabledCommands: ['STARTTLS'] })
    if (plain === null) return
    const refused = refusal(await channelTo(plain).send(message, never))
    assert.match(refused.answer, /STARTTLS|TLS/)
    assert.deepEqual([server.mails.length, plain.mails.length], [0, 0])
  })

  test('with TLS from the start, or none at all where a relay of the house wants none', async (context) => {
    const implicit = await open(context, { secure: true })
    if (implicit === null) return
    assert.ok((await channelTo(implicit, { tls: 'implicit' }).send(message, never)).isDelivered)
    const relay = await open(context, { disabledCommands: ['STARTTLS', 'AUTH'] })
    if (relay === null) return
    const plain = channelTo(relay, { tls: 'none', login: null })
    assert.ok((await plain.send(message, never)).isDelivered)
    assert.deepEqual([implicit.mails[0]?.isEncrypted, relay.mails[0]?.isEncrypted], [true, false])
  })

  test('a wrong password is final and not in what is told, though the server repeats it', async (context) => {
    const server = await open(context)
    if (server === null) return
    const wrong = { username: login.username, password: new Secret('wrong-secret') }
    const refused = refusal(await channelTo(server, { login: wrong }).send(message, never))
    assert.match(refused.answer, /\(secret\) is not the password/)
    assert.ok(!refused.answer.includes('wrong-secret'))
    assert.ok(refused.isFinal)
  })

  test('an address that one server refuses is told, and the others get it', async (context) => {
    const server = await open(context, {
      onRcptTo: ({ address }, _, answer) => {
        if (address.startsWith('night')) answer(new Error('nobody here at night'))
        else answer()
      },
    })
    if (server === null) return
    const delivery = await channelTo(server).send(message, never)
    assert.deepEqual(delivery, {
      isDelivered: true,
      answer: '250 kept; refused for night@example.org',
    })
  })

  test('a server that is busy is asked again, one that never greets ends with the signal', async (context) => {
    const server = await open(context, {
      onMailFrom: (_, __, answer) => {
        answer(Object.assign(new Error('try later'), { responseCode: 451 }))
      },
    })
    if (server === null) return
    const busy = refusal(await channelTo(server).send(message, never))
    assert.match(busy.answer, /451 try later/)
    assert.ok(!busy.isFinal)
    const silent = createServer()
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const cut = new AbortController()
    const sending = channelTo(server, { port }).send(message, cut.signal)
    const [socket] = (await once(silent, 'connection')) as [{ destroy(): void }]
    cut.abort()
    assert.ok(!refusal(await sending).isFinal)
    socket.destroy()
    silent.close()
  })
})
