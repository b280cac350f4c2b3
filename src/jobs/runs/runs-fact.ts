/** The rows of `tidemark.runs`: what instances were asked to do, and what came of it. */
import type { FactTable } from '../../core/fact-table.ts'
import { defineFactTable, type FactMetadata } from '../../facts/define.ts'

export type RunState = 'running' | 'succeeded' | 'failed' | 'interrupted'

/** Times are milliseconds since the epoch. */
export interface RunEntry extends FactMetadata {
  readonly run_id: string
  readonly job: string
  /** JSON. */
  readonly request: string
  readonly instance: string
  readonly started_at: number
  readonly finished_at: number | null
  readonly state: RunState
  /** JSON. */
  readonly result: string | null
  readonly error: string | null
}

const defined = defineFactTable<readonly [string], RunEntry>('tidemark', 'runs', ['run_id'])

/** One partition: few records, and whoever reads them wants them in their order. */
export const runsFact: FactTable<readonly [string], RunEntry> = {
  ...defined,
  topic: { ...defined.topic, partitionCount: 1 },
}
