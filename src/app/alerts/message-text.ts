/** A message as a person reads it: what, where, how to mend it. */
import { alertNames, type Alert, type AlertMessage } from './alert.ts'

/** Above it a message says how many it left out: nobody reads a hundred. */
const alertsShownMax = 20
const textMax = 500

/** One line. */
export function messageSubject({ alerts, instance }: AlertMessage): string {
  if (alerts.every(({ name }) => name === 'Test')) {
    return `[TEST] Tidemark ${instance}: ${alertNames.Test.summary}`
  }
  const firing = alerts.filter(({ endsAtMs }) => endsAtMs === null)
  const counts = [
    ...(firing.length === 0 ? [] : [`FIRING:${firing.length}`]),
    ...(firing.length === alerts.length ? [] : [`RESOLVED:${alerts.length - firing.length}`]),
  ]
  const names = [...new Set(alerts.map(({ name }) => name))].join(', ')
  return `[${counts.join(' ')}] Tidemark ${instance}: ${names}`
}

export interface AlertText {
  readonly title: string
  readonly lines: readonly (readonly [label: string, text: string])[]
}

export function alertTexts({ alerts, instance }: AlertMessage): readonly AlertText[] {
  return alerts.slice(0, alertsShownMax).map((alert) => ({
    title: titleOf(alert),
    lines: [
      ['what', shortened(alert.what)],
      ['where', whereOf(alert, instance)],
      ['since', new Date(alert.startsAtMs).toISOString()],
      ...(alert.endsAtMs === null
        ? [['mend', shortened(alert.mend)] as const]
        : [['over', new Date(alert.endsAtMs).toISOString()] as const]),
    ],
  }))
}

/** What `alertTexts` leaves out; empty where it leaves out nothing. */
export function leftOutText({ alerts }: AlertMessage): string {
  const more = alerts.length - alertsShownMax
  return more > 0 ? `and ${more} more: see the status of the instance` : ''
}

function titleOf({ name, endsAtMs }: Alert): string {
  const { severity, summary } = alertNames[name]
  if (name === 'Test') return `TEST: ${summary}`
  return `${endsAtMs === null ? 'FIRING' : 'RESOLVED'} ${name} (${severity}): ${summary}`
}

function whereOf({ labels }: Alert, instance: string): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label} ${value}`)
  return [`instance ${instance}`, ...pairs].join(', ')
}

function shortened(text: string): string {
  return text.length <= textMax ? text : `${text.slice(0, textMax)} …`
}
