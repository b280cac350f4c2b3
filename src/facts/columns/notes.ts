/**
 * What the documentation of a column cannot tell by itself, by `database.table`. Its meaning is the `doc` of its field
 * in `schemas/avro`, its sources follow from the topology; `docs/facts.md` puts all three together.
 */
import type { TableNotes } from '../../core/fact-table.ts'

export type NotesByTable = Readonly<Record<string, TableNotes>>
