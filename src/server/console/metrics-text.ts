/** The status in Prometheus' text format (exposition format 0.0.4). */
import type { InstanceStatus, TableStatus } from './instance-status.ts'

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
  const perTopology = (value: (topology: InstanceStatus['topologies'][number]) => number) =>
    status.topologies.map((topology) => ({
      labels: { topology: topology.name },
      value: value(topology),
    }))
  const perTable = (value: (table: TableStatus) => number) =>
    status.topologies.flatMap((topology) =>
      topology.tables.map((table) => ({
        labels: { topology: topology.name, table: table.name },
        value: value(table),
      })),
    )
  return [
    counter(
      'tidemark_records_processed_total',
      'Records processed.',
      perTopology((t) => t.processed),
    ),
    counter(
      'tidemark_records_late_total',
      'Records that came after their window closed.',
      perTopology((t) => t.late),
    ),
    counter(
      'tidemark_records_dropped_total',
      'Records without effect, by any reason.',
      perTopology((t) => t.dropped),
    ),
    counter(
      'tidemark_records_quarantined_total',
      'Records kept in quarantine.',
      perTopology((t) => t.quarantined),
    ),
    counter(
      'tidemark_warnings_total',
      'Failed checks of level Warning; their records went on.',
      perTopology((t) => t.warnings),
    ),
    counter(
      'tidemark_ingest_records_total',
      'Records that came to the doors: taken, refused, or kept in quarantine.',
      status.ingest.flatMap(({ topic, ...counts }) =>
        (['taken', 'refused', 'quarantined'] as const).map((outcome) => ({
          labels: { topic, outcome },
          value: counts[outcome],
        })),
      ),
    ),
    gauge(
      'tidemark_lag_records',
      'Records in the log that are not yet processed.',
      perTopology((t) => t.lag),
    ),
    counter(
      'tidemark_fact_rows_written_total',
      'Fact rows written to ClickHouse.',
      perTopology((t) => t.rowsWritten),
    ),
    gauge(
      'tidemark_fact_rows_lag',
      'Fact rows in the log that are not yet queryable.',
      perTable((t) => t.lag),
    ),
    gauge('tidemark_resident_bytes', 'Resident memory of the process.', [
      { labels: {}, value: status.residentBytes },
    ]),
    gauge('tidemark_up', '1 while the instance runs.', [
      { labels: {}, value: Number(status.state === 'running') },
    ]),
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
