/** The status in Prometheus' text format (exposition format 0.0.4). */
import type { InstanceStatus, TopologyStatus } from './instance-status.ts'

interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly { labels: Readonly<Record<string, string>>; value: number }[]
}

export function metricsText(status: InstanceStatus): string {
  return metricsOf(status).map(render).join('')
}

function metricsOf(status: InstanceStatus): readonly Metric[] {
  return [
    ...topologyMetrics(status.topologies),
    ingestMetric(status.ingest),
    skipsMetric(status.skips),
    ...alertMetrics(status.alerts),
    ...qualityMetrics(status.quality),
    gauge('tidemark_resident_bytes', 'Resident memory of the process.', [
      { labels: {}, value: status.residentBytes },
    ]),
    gauge('tidemark_up', '1 while the instance runs.', [
      { labels: {}, value: Number(status.state === 'running') },
    ]),
  ]
}

const topologyCounters: readonly (readonly [
  name: string,
  help: string,
  value: (topology: TopologyStatus) => number,
])[] = [
  ['tidemark_records_processed_total', 'Records processed.', (t) => t.processed],
  ['tidemark_records_late_total', 'Records that came after their window closed.', (t) => t.late],
  [
    'tidemark_records_dropped_total',
    'Records without effect, but for late ones, duplicates and erased ones.',
    (t) => t.dropped,
  ],
  [
    'tidemark_records_duplicate_total',
    'Events that came again, and versions older than what is known.',
    (t) => t.duplicates,
  ],
  [
    'tidemark_records_erased_total',
    'Places of events that were erased, as each source meets them.',
    (t) => t.erased,
  ],
  ['tidemark_records_quarantined_total', 'Records kept in quarantine.', (t) => t.quarantined],
  [
    'tidemark_warnings_total',
    'Failed checks of level Warning; their records went on.',
    (t) => t.warnings,
  ],
  [
    'tidemark_records_skipped_total',
    'Offsets of input that the log removed before they were processed.',
    (t) => t.skipped,
  ],
  [
    'tidemark_fact_rows_skipped_total',
    'Offsets of facts that the log removed before they were written.',
    (t) => t.factsSkipped,
  ],
  ['tidemark_fact_rows_written_total', 'Fact rows written to ClickHouse.', (t) => t.rowsWritten],
  [
    'tidemark_fact_tables_made_anew_total',
    'Tables that ClickHouse had lost while the instance ran, made anew and filled from their topics.',
    (t) => t.tablesMadeAnew,
  ],
]

function topologyMetrics(topologies: readonly TopologyStatus[]): readonly Metric[] {
  const perTopology = (value: (topology: TopologyStatus) => number) =>
    topologies.map((topology) => ({ labels: { topology: topology.name }, value: value(topology) }))
  const perTable = topologies.flatMap(({ name: topology, tables }) =>
    tables.map(({ name: table, lag: value }) => ({ labels: { topology, table }, value })),
  )
  const perNode = topologies.flatMap(({ name: topology, failures }) =>
    failures.map(({ node, count: value }) => ({ labels: { topology, node }, value })),
  )
  const processingLag = perTopology((t) => t.lag)
  return [
    ...topologyCounters.map(([name, help, value]) => counter(name, help, perTopology(value))),
    counter(
      'tidemark_records_failed_total',
      'Records left out because a function of the node threw on them.',
      perNode,
    ),
    gauge('tidemark_lag_records', 'Records in the log that are not yet processed.', processingLag),
    gauge('tidemark_fact_rows_lag', 'Fact rows in the log that are not yet queryable.', perTable),
  ]
}

function ingestMetric(ingest: InstanceStatus['ingest']): Metric {
  return counter(
    'tidemark_ingest_records_total',
    'Records that came to the doors: taken, refused, or kept in quarantine.',
    ingest.flatMap(({ topic, ...counts }) =>
      (['taken', 'refused', 'quarantined'] as const).map((outcome) => ({
        labels: { topic, outcome },
        value: counts[outcome],
      })),
    ),
  )
}

function skipsMetric(skips: InstanceStatus['skips']): Metric {
  return counter(
    'tidemark_offsets_skipped_total',
    'Offsets that the log removed before their reader came to them.',
    skips.map(({ group, topic, partition, offsets: value }) => ({
      labels: { group, topic, partition: `${partition}` },
      value,
    })),
  )
}

function alertMetrics({ firing, channels }: InstanceStatus['alerts']): readonly Metric[] {
  const counts = new Map<string, number>()
  for (const { name } of firing) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [
    gauge(
      'tidemark_alerts_firing',
      'What the instance would tell, or has told, an operator of.',
      [...counts].map(([alert, value]) => ({ labels: { alert }, value })),
    ),
    counter(
      'tidemark_alert_messages_total',
      'Messages of alerts: delivered, failed for good, or dropped because too many waited.',
      channels.flatMap(({ name: channel, ...status }) =>
        (['delivered', 'failed', 'dropped'] as const).map((outcome) => ({
          labels: { channel, outcome },
          value: status[outcome],
        })),
      ),
    ),
    counter(
      'tidemark_alert_retries_total',
      'Attempts to deliver a message of alerts after the first.',
      channels.map(({ name: channel, retries: value }) => ({ labels: { channel }, value })),
    ),
  ]
}

/** A score that there is nothing to measure of has no sample. */
function qualityMetrics(quality: InstanceStatus['quality']): readonly Metric[] {
  if (quality === null) return []
  const scores = [
    { topology: '', dimension: '', score: quality.score },
    ...quality.topologies.flatMap(({ topology, score, dimensions }) => [
      { topology, dimension: '', score },
      ...Object.entries(dimensions).map(([dimension, own]) => ({
        topology,
        dimension,
        score: own,
      })),
    ]),
  ]
  return [
    gauge(
      'tidemark_quality_score',
      'Score of the tables, 0 to 100, by the last check; an empty label is over all.',
      scores.flatMap(({ score, ...labels }) => (score === null ? [] : [{ labels, value: score }])),
    ),
    gauge(
      'tidemark_quality_checked_seconds',
      'When the tables were last checked, seconds since the epoch.',
      [{ labels: {}, value: quality.measuredAtMs / 1000 }],
    ),
  ]
}

function counter(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, type: 'counter', help, samples }
}

function gauge(name: string, help: string, samples: Metric['samples']): Metric {
  return { name, type: 'gauge', help, samples }
}

function render({ name, type, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`)
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
