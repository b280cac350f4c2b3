/** What is an alert, of what an instance tells of itself. Each rule looks at one status and remembers nothing but growth. */
import type { InstanceStatus, TopologyStatus } from '../../server/console/instance-status.ts'
import { sinkGroup } from '../../sinks/sink-group.ts'
import type { AlertCondition, AlertName } from './alert.ts'
import type { AlertBounds } from './alerts-configuration.ts'
import { Growth } from './growth.ts'

export interface Look {
  readonly status: Pick<
    InstanceStatus,
    'state' | 'trouble' | 'topologies' | 'tasks' | 'ingest' | 'skips'
  >
  readonly pausedFacts: readonly PausedFacts[]
  /** Rows of the quarantine that are not yet queryable. */
  readonly quarantineLag: number
  /** Null while the brokers answer. */
  readonly outage: string | null
  /** Null while every partition has a reader, and where another instance tells it. */
  readonly unreadPartitions: string | null
}

/** Facts of a topology that wait for ClickHouse, or for room on the disk. */
export interface PausedFacts {
  readonly topology: string
  readonly reason: string
}

export class AlertRules {
  readonly #bounds: AlertBounds
  readonly #growth: Growth

  constructor(bounds: AlertBounds) {
    this.#bounds = bounds
    this.#growth = new Growth(bounds.windowMs)
  }

  /** All that hold now. */
  conditions(look: Look, nowMs: number): readonly AlertCondition[] {
    return [
      ...this.#instance(look),
      ...this.#facts(look),
      ...this.#lag(look),
      ...this.#failures(look.status.topologies, nowMs),
      ...this.#quarantine(look.status, nowMs),
      ...this.#lost(look.status, nowMs),
    ]
  }

  #instance({ status, outage, unreadPartitions }: Look): readonly AlertCondition[] {
    const { awayForMs } = this.#bounds
    const waiting = status.tasks.filter(({ waitingFor }) => waitingFor === 'disk')
    return [
      ...(status.state === 'failed'
        ? [
            condition('InstanceFailed', {
              what: status.trouble ?? 'it told no reason',
              mend: 'mend what the text names (docs/errors.md) and start the instance again: it goes on from its last commit',
            }),
          ]
        : []),
      ...(outage === null
        ? []
        : [
            condition('BrokersAway', {
              what: outage,
              mend: 'see to the brokers and to the network between; the instance goes on by itself',
              forMs: awayForMs,
            }),
          ]),
      ...(unreadPartitions === null
        ? []
        : [condition('PartitionsAdded', { what: unreadPartitions, mend: 'as the text says' })]),
      ...(waiting.length === 0
        ? []
        : [
            condition('DiskFull', {
              what: `${waiting.length} tasks wait for space, ${waiting[0]?.id ?? ''} first`,
              mend: 'free some space on the disk of the data directory; they go on by themselves',
              forMs: awayForMs,
            }),
          ]),
    ]
  }

  /** One alert of them all: they write to one ClickHouse. While the brokers are away that is why. */
  #facts({ pausedFacts, outage }: Look): readonly AlertCondition[] {
    const [first] = pausedFacts
    if (first === undefined || outage !== null) return []
    const names = pausedFacts.map(({ topology }) => topology).join(', ')
    return [
      condition('FactsPaused', {
        what: `facts of ${names} wait: ${first.reason}`,
        mend: 'start ClickHouse, or correct clickhouse.url and its credentials; nothing is lost, facts wait in their topics',
        forMs: this.#bounds.awayForMs,
      }),
    ]
  }

  #lag({ status: { topologies }, quarantineLag }: Look): readonly AlertCondition[] {
    const { lagMax, lagForMs: forMs } = this.#bounds
    const groups = topologies.flatMap(({ name, lag, tables }) => [
      { group: name, records: lag },
      { group: sinkGroup(name), records: tables.reduce((sum, table) => sum + table.lag, 0) },
    ])
    return [...groups, { group: 'tidemark-clickhouse', records: quarantineLag }]
      .filter(({ records }) => records > lagMax)
      .map(({ group, records }) =>
        condition('GroupLag', {
          labels: { group },
          what: `${records} records of the group ${group} wait on this instance; up to ${lagMax} are fine (alerts.lagMax)`,
          mend: 'start another instance, or more workers; if ClickHouse is slow, see to that first. tidemark status tells which',
          forMs,
        }),
      )
  }

  #failures(topologies: readonly TopologyStatus[], nowMs: number): readonly AlertCondition[] {
    const { failuresMax, windowMs } = this.#bounds
    return topologies.flatMap(({ name: topology, failures }) =>
      failures.flatMap(({ node, count, last }) => {
        const growth = this.#growth.of(`failures ${topology} ${node}`, count, nowMs)
        if (growth <= failuresMax) return []
        const what =
          `${growth} records failed at node ${node} in ${inSeconds(windowMs)}, more than ` +
          `${failuresMax} (alerts.failuresMax); the last: ${last}`
        const mend =
          'mend the function or what it reads; what was kept is in tidemark quarantine list, and can be re-driven'
        return [condition('RecordsFailing', { labels: { topology, node }, what, mend })]
      }),
    )
  }

  #quarantine({ topologies, ingest }: Look['status'], nowMs: number): readonly AlertCondition[] {
    const { quarantinedMax, windowMs } = this.#bounds
    const counts = [
      ...topologies.map(({ name, quarantined }) => ({ labels: { topology: name }, quarantined })),
      ...ingest.map(({ topic, quarantined }) => ({ labels: { topic }, quarantined })),
    ]
    return counts.flatMap(({ labels, quarantined }) => {
      const where = Object.entries(labels).flat().join(' ')
      const growth = this.#growth.of(`quarantine ${where}`, quarantined, nowMs)
      if (growth <= quarantinedMax) return []
      const what =
        `${growth} records of ${where} went to quarantine in ${inSeconds(windowMs)}, more than ` +
        `${quarantinedMax} (alerts.quarantinedMax)`
      const mend =
        'tidemark quarantine list says why; mend whoever writes them, then tidemark quarantine redrive'
      return [condition('QuarantineGrowing', { labels, what, mend })]
    })
  }

  #lost({ skips }: Look['status'], nowMs: number): readonly AlertCondition[] {
    const byGroup = new Map<string, number>()
    for (const { group, offsets } of skips) {
      byGroup.set(group, (byGroup.get(group) ?? 0) + offsets)
    }
    return [...byGroup].flatMap(([group, offsets]) => {
      const growth = this.#growth.of(`lost ${group}`, offsets, nowMs)
      if (growth === 0) return []
      const what = `the log removed ${growth} offsets before the group ${group} had read them`
      const mend =
        'they are lost to it: raise the retention of the topic above the longest stand-still, and send the records again'
      return [condition('RecordsLost', { labels: { group }, what, mend })]
    })
  }
}

interface ConditionParts {
  readonly labels?: Readonly<Record<string, string>>
  readonly what: string
  readonly mend: string
  readonly forMs?: number
}

function condition(name: AlertName, parts: ConditionParts): AlertCondition {
  return { labels: {}, forMs: 0, ...parts, name }
}

function inSeconds(ms: number): string {
  return `${ms / 1_000} s`
}
