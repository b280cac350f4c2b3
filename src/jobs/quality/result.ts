/** What one check found: a row of `tidemark.quality_results`. */
import type { Dimension, Level, RowCheck } from './expectation.ts'
import type { QualityOptions } from './quality-options.ts'

export interface QualityResult {
  readonly topology: string
  /** `database.table`; empty where it is about the topology as a whole. */
  readonly table: string
  readonly check: string
  readonly dimension: Dimension
  readonly level: Level
  /** Percent of the rows that failed, or what the check says; null where there was nothing to measure. */
  readonly measured: number | null
  /** What `measured` may be at most; null where nothing is judged. */
  readonly threshold: number | null
  /** Null where there was nothing to measure, or nothing is judged. */
  readonly passed: boolean | null
  readonly rows: number
  readonly failed: number
  readonly detail: string
}

export type Judged = Pick<QualityResult, 'topology' | 'table'>

/** Of a check whose rows hold or fail. */
export function shareResult(
  of: Judged,
  check: Pick<RowCheck, 'name' | 'dimension' | 'level' | 'failedPercentMax'>,
  { rows, failed, detail = '' }: { rows: number; failed: number; detail?: string },
  { thresholds }: Pick<QualityOptions, 'thresholds'>,
): QualityResult {
  const threshold = thresholds.get(`${of.table}/${check.name}`) ?? check.failedPercentMax ?? 0
  const measured = rows === 0 ? null : (100 * failed) / rows
  return {
    topology: of.topology,
    table: of.table,
    check: check.name,
    dimension: check.dimension,
    level: check.level,
    measured,
    threshold,
    passed: measured === null ? null : measured <= threshold,
    rows,
    failed,
    detail,
  }
}

/** A figure of level Info that nothing is expected of. */
export function figure(
  of: Judged,
  check: string,
  dimension: Dimension,
  { measured, rows, detail }: { measured: number | null; rows: number; detail: string },
): QualityResult {
  const told = { measured, threshold: null, passed: null, rows, failed: 0, detail }
  return { topology: of.topology, table: of.table, check, dimension, level: 'Info', ...told }
}

/** A statement that took too much: what it was to say is not known, which is a finding of its own. */
export function unmeasured(of: Judged, what: string, reason: string): QualityResult {
  return {
    topology: of.topology,
    table: of.table,
    check: `measurable:${what}`,
    dimension: 'completeness',
    level: 'Warning',
    measured: null,
    threshold: null,
    passed: false,
    rows: 0,
    failed: 0,
    detail: reason,
  }
}
