/** E-mail by SMTP: a connection for each message, since alerts are rare and a kept one would be dead by the next. */
import { messageOf } from '../../../core/errors.ts'
import type { AlertMessage } from '../alert.ts'
import type { EmailConfiguration } from '../alerts-configuration.ts'
import { alertTexts, leftOutText, messageSubject } from '../message-text.ts'
import type { Channel, Delivery } from './channel.ts'
import { withoutSecrets } from './without-secrets.ts'

/** Of each step; who sends bounds the whole. */
const stepMaxMs = 10_000

export function emailChannel(configuration: EmailConfiguration): Channel {
  const { to, host, port } = configuration
  return {
    name: 'email',
    target: `${to.join(', ')} by ${host}:${port}`,
    send: (message, signal) => send(message, configuration, signal),
  }
}

async function send(
  message: AlertMessage,
  configuration: EmailConfiguration,
  signal: AbortSignal,
): Promise<Delivery> {
  const { to, from, login } = configuration
  const transport = await transportOf(configuration)
  try {
    const sent = await transport.sendMail({
      from,
      to: [...to],
      subject: messageSubject(message),
      text: emailText(message),
      // RFC 3834: no robot is to answer.
      headers: { 'Auto-Submitted': 'auto-generated' },
      disableFileAccess: true,
      disableUrlAccess: true,
      signal,
    })
    const rejected = sent.rejected.map(String)
    const answer = withoutSecrets(sent.response, [login?.password ?? null])
    if (rejected.length === 0) return { isDelivered: true, answer }
    // Somebody has it: once more would be twice for him.
    return { isDelivered: true, answer: `${answer}; refused for ${rejected.join(', ')}` }
  } catch (thrown) {
    const answer = withoutSecrets(messageOf(thrown), [login?.password ?? null])
    return { isDelivered: false, answer, isFinal: isFinal(thrown), retryAfterMs: null }
  } finally {
    transport.close()
  }
}

/** The library is loaded by those who send mail. */
async function transportOf({ host, port, tls, tlsCa, login }: EmailConfiguration) {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    connectionTimeout: stepMaxMs,
    greetingTimeout: stepMaxMs,
    socketTimeout: stepMaxMs,
    ...(tlsCa === null ? {} : { tls: { ca: tlsCa } }),
    ...(login === null ? {} : { auth: { user: login.username, pass: login.password.reveal() } }),
  })
}

/** RFC 5321: 4xx passes with time, 5xx does not. */
function isFinal(thrown: unknown): boolean {
  const code = (thrown as { responseCode?: unknown }).responseCode
  return typeof code === 'number' && code >= 500
}

export function emailText(message: AlertMessage): string {
  const parts = alertTexts(message).map(({ title, lines }) =>
    [title, ...lines.map(([label, text]) => `  ${`${label}:`.padEnd(6)} ${text}`)].join('\n'),
  )
  return [...parts, leftOutText(message), 'Tidemark, docs/alerts.md']
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}
