/** What an operator is told of: something that begins, lasts and ends. docs/alerts.md says what each name means. */

/** By name: what is wrong in a few words, and whether somebody has to come at once. */
export const alertNames = {
  InstanceFailed: { severity: 'critical', summary: 'an instance has failed' },
  BrokersAway: { severity: 'critical', summary: 'the brokers cannot be reached' },
  FactsPaused: { severity: 'critical', summary: 'facts do not get to ClickHouse' },
  DiskFull: { severity: 'critical', summary: 'tasks wait for space on the disk' },
  RecordsLost: { severity: 'critical', summary: 'the log removed records that nobody had read' },
  PartitionsAdded: { severity: 'critical', summary: 'nobody reads added partitions' },
  GroupLag: { severity: 'warning', summary: 'a group is behind' },
  RecordsFailing: { severity: 'warning', summary: 'records fail at a node' },
  QuarantineGrowing: { severity: 'warning', summary: 'many records go to quarantine' },
  JobFailed: { severity: 'warning', summary: 'a job has failed' },
  QualityCheckFailed: { severity: 'warning', summary: 'a quality check has failed' },
  AnomaliesFound: { severity: 'warning', summary: 'figures are far from what they usually are' },
  /** Of `tidemark alerts test`. */
  Test: { severity: 'none', summary: 'this is a test, nothing is wrong' },
} as const satisfies Record<string, { severity: 'critical' | 'warning' | 'none'; summary: string }>

export type AlertName = keyof typeof alertNames

export interface AlertCondition {
  readonly name: AlertName
  /** Which of its name: with the name they say which condition it is. */
  readonly labels: Readonly<Record<string, string>>
  readonly what: string
  /** How to mend it. */
  readonly mend: string
  /** It is an alert once it has lasted for so long, without a look that did not see it. */
  readonly forMs: number
}

export interface Alert extends AlertCondition {
  /** When it was first seen, milliseconds since the epoch. */
  readonly startsAtMs: number
  /** Null while it lasts. */
  readonly endsAtMs: number | null
}

/** What one message tells. */
export interface AlertMessage {
  /** Who tells it. */
  readonly instance: string
  readonly alerts: readonly Alert[]
}

/** Of whom this is the same condition. */
export function alertKey({ name, labels }: Pick<AlertCondition, 'name' | 'labels'>): string {
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `${name}{${pairs.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',')}}`
}
