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
  'tidemark.schema_migrations': {
    meaning: 'One row per migration that was applied.',
    origin: 'the files in `schemas/clickhouse`',
    columns: {
      version: { unit: 'number of the file' },
    },
  },
}
