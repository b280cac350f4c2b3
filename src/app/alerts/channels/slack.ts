/** Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
import type { AlertMessage } from '../alert.ts'
import type { SlackConfiguration } from '../alerts-configuration.ts'
import { alertTexts, leftOutText, messageSubject } from '../message-text.ts'
import type { Channel } from './channel.ts'
import { postJson } from './http-post.ts'

export function slackChannel({ url }: SlackConfiguration): Channel {
  return {
    name: 'slack',
    target: new URL(url.reveal()).host,
    send: (message, signal) =>
      postJson({ url, token: null, body: { text: slackText(message) }, signal }),
  }
}

export function slackText(message: AlertMessage): string {
  const parts = alertTexts(message).map(({ title, lines }) =>
    [`*${escaped(title)}*`, ...lines.map(([label, text]) => `• ${label}: ${escaped(text)}`)].join(
      '\n',
    ),
  )
  const all = [`*${escaped(messageSubject(message))}*`, ...parts, leftOutText(message)]
  return all.filter((part) => part !== '').join('\n\n')
}

/** The three signs that mean something to Slack; with them away nobody is mentioned and nothing is a link. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
