/** The columns of what the program itself keeps in ClickHouse. */
import type { NotesByTable } from './notes.ts'

export const programNotes: NotesByTable = {
  'tidemark.quarantine': {
    origin: 'the refused record',
    columns: {
      id: {
        formula:
          '`topic`-`partition`-`offset`; of a record that never entered, `topic` and a hash of `source`, `location`, `record_key` and `record_value`',
      },
      partition: { unit: 'partition number' },
      offset: { unit: 'offset in the partition' },
      quarantined_at: { formula: 'the clock’s time when it was refused' },
      redriven_at: { formula: 'the clock’s time when it was sent again; null until then' },
    },
  },
  'tidemark.runs': {
    origin: 'the run itself',
    columns: {
      run_id: { formula: 'made up when the run begins' },
      started_at: { formula: 'the clock’s time when it began' },
      finished_at: { formula: 'the clock’s time when it ended; null while it runs' },
    },
  },
  'tidemark.quality_results': {
    meaning: 'One row per run of the quality checks and check; kept for 400 days.',
    origin: 'the run',
    columns: {
      run_id: { formula: 'made up when the run is over' },
      measured_at: { formula: 'the clock’s time when the run began' },
      measured: {
        unit: '%, or that of the check',
        formula: '100 × `rows_failed` / `rows_looked_at`, or what `check` says',
      },
      threshold: { unit: 'that of `measured`' },
      passed: { formula: '`measured` ≤ `threshold`' },
      rows_looked_at: { unit: 'rows' },
      rows_failed: { unit: 'rows' },
      detail: {
        meaning:
          'How to find the rows that fail, or what else there is to say; never whose rows they are.',
      },
    },
  },
  'tidemark.quality_scores': {
    meaning: 'One row per run of the quality checks, topology and dimension; kept for 400 days.',
    origin: 'the run',
    columns: {
      run_id: { formula: 'that of `tidemark.quality_results.run_id`' },
      measured_at: { formula: 'the clock’s time when the run began' },
      score: {
        unit: '0 to 100',
        formula:
          'mean over the checks of 100 × (1 − `tidemark.quality_results.rows_failed` / `tidemark.quality_results.rows_looked_at`), weighed by level; then over the dimensions, weighed; then over the topologies',
      },
    },
  },
  'tidemark.quality_models': {
    meaning: 'One row per model that a check of quality has learnt; kept for 400 days.',
    origin: 'the run that learnt it',
    columns: {
      model: { formula: 'a hash of features, threshold and forest' },
      trained_at: { formula: 'the clock’s time when it learnt' },
      rows_learnt: { unit: 'rows' },
      seed: { unit: 'any number' },
      threshold: {
        unit: '0 to 1',
        formula:
          'the upper quartile of the scores of what it learnt from, and 3 times the distance of their quartiles, or 0.6 where that is less; both are settings',
      },
    },
  },
  'tidemark.quality_unusual': {
    meaning:
      'One row per run of the quality checks, check and row that is unusual, 100 a check at most; kept for 90 days.',
    origin: 'the run',
    columns: {
      run_id: { formula: 'that of `tidemark.quality_results.run_id`' },
      measured_at: { formula: 'the clock’s time when the run began' },
      model: { formula: 'that of `tidemark.quality_models.model`' },
      row_key: {
        unit: 'a hash',
        formula: 'ClickHouse’s cityHash64 over the columns of the table’s key, in their order',
      },
      score: {
        unit: '0 to 1',
        formula: '2^(−E(h) / c(n)), h the length of the path in a tree of the forest',
      },
    },
  },
  'tidemark.fact_epochs': {
    meaning:
      'One row per incarnation of a fact topic; only on a ClickHouse that instances of a cluster share.',
    origin: 'the instance that first met the topic',
    columns: {
      topic_id: { formula: 'Kafka’s identity of the topic' },
      epoch: {
        unit: 'a number from 1',
        formula:
          'one more than every epoch before it, of the earlier incarnations and of the rows in the table',
      },
    },
  },
  'tidemark.schema_migrations': {
    meaning: 'One row per migration that was applied.',
    origin: 'the files in `schemas/clickhouse`',
    columns: {
      version: { unit: 'number of the file' },
    },
  },
}
