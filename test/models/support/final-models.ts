/** Models of what is handed on once: the last value of each window, and the latest of each key after a time. */
import { present } from '../../../src/core/assert.ts'
import type { Output, Parameters, RecordStep } from '../../differential/support/case.ts'
import type { finalResults } from '../../differential/topologies/final-results.ts'
import type { Model } from './compare.ts'
import { countOf, foldable, StreamTime } from './folds.ts'
import { hoppingModel, sessionModel, slidingModel } from './window-models.ts'

type WindowModel = (parameters: Parameters) => Model

interface Waiting extends Output {
  readonly closeMs: number
}

/** @param openMs how long after its end a window is open, beyond its grace
 * @param headerOf whose header a final result has: that of the window's last record, or that of the one that closes it */
function finalModel(
  windows: WindowModel,
  openMs: (parameters: Parameters) => number,
  headerOf: 'last' | 'closing',
  keeps: (count: string) => boolean = () => true,
): WindowModel {
  return (parameters) => {
    const graceMs = present(parameters['graceMs'], 'a grace') + openMs(parameters)
    const put = windows(parameters)
    const time = new StreamTime()
    const waiting = new Map<string, Waiting>()
    return (record) => {
      const nowMs = time.advance(record)
      for (const output of put(record)) {
        const key = present(output.key, 'a key')
        const endMs = Number(key.split('/')[1])
        const value = output.value === null ? null : countOf(output.value)
        if (value === null || !keeps(value)) waiting.delete(key)
        else waiting.set(key, { ...output, value, closeMs: endMs + graceMs })
      }
      const due = [...waiting.values()].filter(({ closeMs }) => closeMs <= nowMs)
      for (const { key } of due) waiting.delete(present(key, 'a key'))
      return due
        .toSorted((one, other) => one.closeMs - other.closeMs || byKeyAndStart(one, other))
        .map(({ closeMs: _closeMs, ...output }) =>
          headerOf === 'last' ? output : { ...output, header: record.header },
        )
    }
  }
}

function byKeyAndStart(one: Output, other: Output): number {
  const [oneKey = '', oneStart = ''] = (one.key ?? '').split(/[@/]/)
  const [otherKey = '', otherStart = ''] = (other.key ?? '').split(/[@/]/)
  if (oneKey !== otherKey) return oneKey < otherKey ? -1 : 1
  return Number(oneStart) - Number(otherStart)
}

/** Counts by key; the latest count goes out once stream time is so long after the first that waits. */
export function limitModel(parameters: Parameters): Model {
  const limitMs = present(parameters['limitMs'], 'a limit')
  const time = new StreamTime()
  const counts = new Map<string, { count: number; timestampMs: number }>()
  const waiting = new Map<string, { output: Output; dueMs: number }>()
  return (step) => {
    const nowMs = time.advance(step)
    const record = foldable(step)
    if (record !== null) {
      const { key, header } = record
      const before = counts.get(key)
      const count = (before?.count ?? 0) + 1
      const timestampMs = Math.max(before?.timestampMs ?? 0, record.timestampMs)
      counts.set(key, { count, timestampMs })
      const output = { topic: 'out', key, value: String(count), timestampMs, header }
      waiting.set(key, { output, dueMs: waiting.get(key)?.dueMs ?? timestampMs + limitMs })
    }
    const due = [...waiting].filter(([, { dueMs }]) => dueMs <= nowMs)
    for (const [key] of due) waiting.delete(key)
    const sorted = due.toSorted(
      ([oneKey, one], [otherKey, other]) => one.dueMs - other.dueMs || (oneKey < otherKey ? -1 : 1),
    )
    return sorted.map(([, { output }]) => output)
  }
}

/** A table, deletes included: the latest change of each key goes out once stream time is so long after the first that
 * waits; a key that came and went meanwhile does not. */
export function tableLimitModel(parameters: Parameters): Model {
  const limitMs = present(parameters['limitMs'], 'a limit')
  const time = new StreamTime()
  const rows = new Map<string, RecordStep>()
  const waiting = new Map<string, { before: string | null; latest: RecordStep; dueMs: number }>()
  return (record) => {
    const nowMs = time.advance(record)
    const { key, value } = record
    const row = key === null ? undefined : rows.get(key)
    if (key !== null && record.topic === 'table' && (row === undefined || beats(record, row))) {
      rows.set(key, record)
      const before = row?.value ?? null
      const held = waiting.get(key)
      const dueMs = held?.dueMs ?? record.timestampMs + limitMs
      if (before !== null || value !== null) {
        waiting.set(key, {
          before: held === undefined ? before : held.before,
          latest: record,
          dueMs,
        })
      }
    }
    const due = [...waiting].filter(([, { dueMs }]) => dueMs <= nowMs)
    for (const [each] of due) waiting.delete(each)
    return due
      .toSorted(
        ([oneKey, one], [otherKey, other]) =>
          one.dueMs - other.dueMs || (oneKey < otherKey ? -1 : 1),
      )
      .filter(([, { before, latest }]) => before !== null || latest.value !== null)
      .map(([, { latest }]) => ({ ...latest, topic: 'out' }))
  }
}

/** By time; at one time a delete beats a value, and the greater value the other. */
function beats(update: RecordStep, row: RecordStep): boolean {
  if (update.timestampMs !== row.timestampMs) return update.timestampMs > row.timestampMs
  if (update.value === null || row.value === null) return row.value !== null
  return update.value > row.value
}

const exclusive = () => 0
const inclusive = () => 1
const gapAndInclusive = (parameters: Parameters) => present(parameters['gapMs'], 'a gap') + 1

export const finalModels: Partial<Record<keyof typeof finalResults, WindowModel>> = {
  'tumbling-on-close': finalModel(hoppingModel, exclusive, 'closing'),
  'hopping-on-close': finalModel(hoppingModel, exclusive, 'closing'),
  'sliding-on-close': finalModel(slidingModel, inclusive, 'closing'),
  'session-on-close': finalModel(sessionModel, gapAndInclusive, 'closing'),
  'tumbling-suppressed': finalModel(hoppingModel, exclusive, 'last'),
  'hopping-suppressed': finalModel(hoppingModel, exclusive, 'last', (count) => count !== '2'),
  'sliding-suppressed': finalModel(slidingModel, inclusive, 'last'),
  'session-suppressed': finalModel(sessionModel, gapAndInclusive, 'last'),
}
