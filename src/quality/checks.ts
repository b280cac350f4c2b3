/**
 * Checks as data: a name, a level, a predicate. Doors and topologies run the same ones. A record that fails a
 * Critical or Error check is quarantined; a Warning is counted and the record goes on.
 */
import type { CheckFailure, QuarantineLevel } from './quarantine.ts'

export type CheckLevel = QuarantineLevel | 'Warning'

export interface Check<V> {
  readonly name: string
  readonly level: CheckLevel
  readonly passes: (value: V) => boolean
  /** What was found, and what was expected. Only asked where the check failed. */
  readonly reason: (value: V) => string
}

export function check<V>(
  name: string,
  level: CheckLevel,
  passes: (value: V) => boolean,
  reason: (value: V) => string,
): Check<V> {
  return { name, level, passes, reason }
}

export interface CheckVerdict {
  /** Critical and Error: the record is refused. */
  readonly failures: readonly CheckFailure<QuarantineLevel>[]
  readonly warnings: readonly CheckFailure<'Warning'>[]
}

const passed: CheckVerdict = { failures: [], warnings: [] }

export function runChecks<V>(checks: readonly Check<V>[], value: V): CheckVerdict {
  let failures: CheckFailure<QuarantineLevel>[] | null = null
  let warnings: CheckFailure<'Warning'>[] | null = null
  for (const { name, level, passes, reason } of checks) {
    if (passes(value)) continue
    const found = { check: name, reason: reason(value) }
    if (level === 'Warning') (warnings ??= []).push({ ...found, level })
    else (failures ??= []).push({ ...found, level })
  }
  if (failures === null && warnings === null) return passed
  return { failures: failures ?? [], warnings: warnings ?? [] }
}
