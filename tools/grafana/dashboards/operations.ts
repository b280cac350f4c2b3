import type { Dashboard } from '../dashboard.ts'

/** Every topology and instance: is it up, does it keep up, what does it refuse? */
export const operations: Dashboard = {
  uid: 'tidemark-operations',
  title: 'Tidemark: operations',
  description: 'Instances, lag, failures, quarantine and alerts',
  since: '6h',
  panels: [
    {
      title: 'Instances running',
      kind: 'stat',
      width: 6,
      queries: { running: 'sum(tidemark_up)' },
    },
    {
      title: 'Records a second',
      kind: 'stat',
      width: 6,
      queries: { records: 'sum(rate(tidemark_records_processed_total[5m]))' },
    },
    {
      title: 'Records that wait',
      kind: 'stat',
      width: 6,
      queries: { records: 'sum(tidemark_lag_records)' },
    },
    {
      title: 'Alerts',
      kind: 'stat',
      width: 6,
      queries: { alerts: 'sum(tidemark_alerts_firing) or vector(0)' },
    },
    {
      title: 'Records processed a second',
      kind: 'timeseries',
      width: 12,
      queries: {
        '{{topology}}': 'sum by (topology) (rate(tidemark_records_processed_total[5m]))',
      },
    },
    {
      title: 'Fact rows written a second',
      kind: 'timeseries',
      width: 12,
      queries: {
        '{{topology}}': 'sum by (topology) (rate(tidemark_fact_rows_written_total[5m]))',
      },
    },
    {
      title: 'Records that wait to be processed',
      kind: 'timeseries',
      width: 12,
      queries: { '{{topology}}': 'sum by (topology) (tidemark_lag_records)' },
    },
    {
      title: 'Facts that wait for ClickHouse',
      kind: 'timeseries',
      width: 12,
      queries: { '{{topology}}': 'sum by (topology) (tidemark_fact_rows_lag)' },
    },
    {
      title: 'Records at the doors',
      kind: 'timeseries',
      width: 12,
      queries: {
        '{{topic}} {{outcome}}':
          'sum by (topic, outcome) (rate(tidemark_ingest_records_total[5m])) > 0',
      },
    },
    {
      title: 'Records without effect, a second',
      kind: 'timeseries',
      width: 12,
      queries: {
        'late {{topology}}': 'sum by (topology) (rate(tidemark_records_late_total[5m]))',
        'duplicate {{topology}}': 'sum by (topology) (rate(tidemark_records_duplicate_total[5m]))',
        'dropped {{topology}}': 'sum by (topology) (rate(tidemark_records_dropped_total[5m]))',
      },
    },
    {
      title: 'Records that fail, or go to quarantine',
      kind: 'timeseries',
      width: 12,
      queries: {
        'failed {{topology}} {{node}}':
          'sum by (topology, node) (increase(tidemark_records_failed_total[5m]))',
        'quarantine {{topology}}':
          'sum by (topology) (increase(tidemark_records_quarantined_total[5m]))',
        'warnings {{topology}}': 'sum by (topology) (increase(tidemark_warnings_total[5m]))',
      },
    },
    {
      title: 'Lost to their readers',
      description:
        'Offsets that the log removed before they were read; nothing is well while this is not 0',
      kind: 'timeseries',
      width: 12,
      queries: {
        '{{group}} {{topic}}': 'sum by (group, topic) (tidemark_offsets_skipped_total)',
        'input of {{topology}}': 'sum by (topology) (tidemark_records_skipped_total)',
        'facts of {{topology}}': 'sum by (topology) (tidemark_fact_rows_skipped_total)',
      },
    },
    {
      title: 'Memory',
      kind: 'timeseries',
      width: 12,
      unit: 'bytes',
      queries: { '{{instance}}': 'tidemark_resident_bytes' },
    },
    {
      title: 'Alerts, and whether they arrive',
      kind: 'timeseries',
      width: 12,
      queries: {
        '{{alert}} {{instance}}': 'sum by (alert, instance) (tidemark_alerts_firing)',
        'by {{channel}} {{outcome}}':
          'sum by (channel, outcome) (increase(tidemark_alert_messages_total[15m]))',
        'again by {{channel}}': 'sum by (channel) (increase(tidemark_alert_retries_total[15m]))',
      },
    },
    {
      title: 'Quarantine',
      kind: 'table',
      width: 12,
      sql: `SELECT topic, check, level, count() AS records, max(quarantined_at) AS latest, any(reason) AS a_reason
FROM tidemark.quarantine WHERE status = 'quarantined'
GROUP BY topic, check, level ORDER BY records DESC LIMIT 100`,
    },
    {
      title: 'Quality of the tables, 0 to 100',
      kind: 'timeseries',
      width: 12,
      queries: { '{{topology}}': 'max by (topology) (tidemark_quality_score{dimension=""})' },
    },
    {
      title: 'Checks that fail, by the last run of each topology',
      description: 'Empty while all are good',
      kind: 'table',
      width: 12,
      sql: `SELECT results.topology AS of_topology, \`table\`, \`check\`, level, rows_failed, rows_looked_at, detail, results.measured_at AS at
FROM tidemark.quality_results AS results FINAL
INNER JOIN (
  SELECT topology, argMax(run_id, measured_at) AS run_id FROM tidemark.quality_results GROUP BY topology
) AS latest USING (topology, run_id)
WHERE NOT ifNull(passed, true) ORDER BY of_topology, level, \`table\`, \`check\` LIMIT 200`,
    },
    {
      title: 'Runs of jobs',
      kind: 'table',
      width: 12,
      sql: `SELECT job, state, started_at, finished_at, instance, error
FROM tidemark.runs ORDER BY started_at DESC LIMIT 100`,
    },
  ],
}
