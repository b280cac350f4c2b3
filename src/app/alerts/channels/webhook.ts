/**
 * JSON as Alertmanager sends it to its webhook receivers (version 4), so that what reads those reads ours:
 * https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
 */
import { createHash } from 'node:crypto'
import { alertKey, alertNames, type Alert, type AlertMessage } from '../alert.ts'
import type { WebhookConfiguration } from '../alerts-configuration.ts'
import type { Channel } from './channel.ts'
import { postJson } from './http-post.ts'

export function webhookChannel({ url, token }: WebhookConfiguration): Channel {
  return {
    name: 'webhook',
    target: new URL(url.reveal()).origin,
    send: (message, signal) => postJson({ url, token, body: webhookBody(message), signal }),
  }
}

/** Of an alert that lasts Alertmanager writes the zero of its language's time. */
const noTime = '0001-01-01T00:00:00Z'

export function webhookBody(message: AlertMessage) {
  const { instance, alerts } = message
  const isFiring = alerts.some(({ endsAtMs }) => endsAtMs === null)
  const common = { job: 'tidemark', instance }
  return {
    version: '4',
    groupKey: `{}:{instance=${JSON.stringify(instance)}}`,
    truncatedAlerts: 0,
    status: isFiring ? 'firing' : 'resolved',
    receiver: 'tidemark',
    groupLabels: { instance },
    commonLabels: common,
    commonAnnotations: {},
    externalURL: '',
    alerts: alerts.map((alert) => webhookAlert(alert, common)),
  }
}

function webhookAlert(alert: Alert, common: { readonly job: string; readonly instance: string }) {
  const { name, labels, what, mend, startsAtMs, endsAtMs } = alert
  const { severity, summary } = alertNames[name]
  return {
    status: endsAtMs === null ? 'firing' : 'resolved',
    labels: { ...labels, alertname: `Tidemark${name}`, severity, ...common },
    annotations: { summary, description: what, mend },
    startsAt: new Date(startsAtMs).toISOString(),
    endsAt: endsAtMs === null ? noTime : new Date(endsAtMs).toISOString(),
    generatorURL: '',
    fingerprint: createHash('sha256')
      .update(`${alertKey(alert)} ${common.instance}`)
      .digest('hex')
      .slice(0, 16),
  }
}
