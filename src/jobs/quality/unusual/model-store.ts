/** Models in `tidemark.quality_models`: one of a check is used until a newer one takes its place. */
import type { ClickHouse } from '../../../sinks/clickhouse/clickhouse.ts'
import { ask } from '../../../sinks/clickhouse/run-statement.ts'
import type { Column } from '../../../sinks/clickhouse/tab-separated.ts'
import type { LearntFeature } from '../expectation.ts'
import { insertRows } from '../insert-rows.ts'
import type { Judged } from '../result.ts'
import { forestText, readForest } from './forest-codec.ts'
import type { LearntModel, UsualFeature } from './learnt-model.ts'

/** Times are milliseconds since the epoch. */
export interface StoredModel extends LearntModel {
  readonly trainedAtMs: number
  readonly fromMs: number
  readonly toMs: number
}

export interface ModelPlace extends Judged {
  readonly check: string
  /** Models of others are none of this check: it was another one then. */
  readonly features: readonly LearntFeature[]
  /** Of what else a model depends on. */
  readonly settings: string
}

const time = "DateTime64(3, 'UTC')"
const columns: readonly Column[] = [
  { name: 'topology', type: 'String' },
  { name: 'table', type: 'String' },
  { name: 'check', type: 'String' },
  { name: 'model', type: 'String' },
  { name: 'trained_at', type: time },
  { name: 'learnt_from', type: time },
  { name: 'learnt_to', type: time },
  { name: 'rows_learnt', type: 'UInt64' },
  { name: 'seed', type: 'UInt64' },
  { name: 'settings', type: 'String' },
  { name: 'features', type: 'String' },
  { name: 'threshold', type: 'Float64' },
  { name: 'forest', type: 'String' },
]

/** @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
export async function storeModel(
  clickhouse: Pick<ClickHouse, 'insert'>,
  { topology, table, check, settings }: ModelPlace,
  model: StoredModel,
  signal: AbortSignal,
): Promise<void> {
  const { version, trainedAtMs, fromMs, toMs, rows, seed, threshold } = model
  const row = {
    ...{ topology, table, check, model: version, settings, seed, threshold },
    trained_at: trainedAtMs,
    learnt_from: fromMs,
    learnt_to: toMs,
    rows_learnt: rows,
    features: JSON.stringify(model.features),
    forest: forestText(model.forest),
  }
  await insertRows(clickhouse, 'quality_models', columns, [row], signal)
}

interface StoredRow {
  readonly model: string
  readonly trained_at_ms: number | string
  readonly learnt_from_ms: number | string
  readonly learnt_to_ms: number | string
  readonly rows_learnt: number | string
  readonly seed: number | string
  readonly features: string
  readonly threshold: number
  readonly forest: string
}

/** The youngest of this check as it is now; null where there is none.
 * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED | QUERY_FAILED */
export async function readModel(
  clickhouse: ClickHouse,
  { topology, table, check, features, settings }: ModelPlace,
): Promise<StoredModel | null> {
  const [row] = await ask<StoredRow>(
    clickhouse,
    `SELECT model, toUnixTimestamp64Milli(trained_at) AS trained_at_ms,
  toUnixTimestamp64Milli(learnt_from) AS learnt_from_ms, toUnixTimestamp64Milli(learnt_to) AS learnt_to_ms,
  rows_learnt, seed, features, threshold, forest
FROM tidemark.quality_models
WHERE topology = {topology:String} AND \`table\` = {table:String} AND \`check\` = {check:String}
  AND settings = {settings:String} AND forest != ''
ORDER BY trained_at DESC, model LIMIT 1`,
    { topology, table, check, settings },
  )
  if (row === undefined) return null
  const usual = JSON.parse(row.features) as readonly UsualFeature[]
  if (!isSame(usual, features)) return null
  return {
    version: row.model,
    trainedAtMs: Number(row.trained_at_ms),
    fromMs: Number(row.learnt_from_ms),
    toMs: Number(row.learnt_to_ms),
    rows: Number(row.rows_learnt),
    seed: Number(row.seed),
    threshold: row.threshold,
    features: usual,
    forest: readForest(row.forest),
  }
}

function isSame(learnt: readonly LearntFeature[], now: readonly LearntFeature[]): boolean {
  const text = (features: readonly LearntFeature[]) =>
    features.map(({ name, value, scale }) => `${name} ${scale} ${value}`).join('\n')
  return text(learnt) === text(now)
}
