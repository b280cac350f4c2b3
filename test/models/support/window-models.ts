/** Models of windows: every record is kept, and each window is what its interval holds. Values are joined by commas. */
import { present } from '../../../src/core/assert.ts'
import type { Output, Parameters } from '../../differential/support/case.ts'
import type { Model } from './compare.ts'
import { foldable, StreamTime, windowOutput } from './folds.ts'
import type { Taken } from './folds.ts'

/** Of tumbling windows too: they hop by their size. */
export function hoppingModel(parameters: Parameters): Model {
  const sizeMs = present(parameters['sizeMs'], 'a size')
  const advanceMs = parameters['advanceMs'] ?? sizeMs
  const graceMs = present(parameters['graceMs'], 'a grace')
  const time = new StreamTime()
  const held = new Map<string, Taken[]>()
  return (step) => {
    const nowMs = time.advance(step)
    const record = foldable(step)
    const outputs: Output[] = []
    if (record === null) return outputs
    for (let startMs = 0; startMs <= record.timestampMs; startMs += advanceMs) {
      const endMs = startMs + sizeMs
      if (record.timestampMs >= endMs || endMs + graceMs <= nowMs) continue
      const id = `${record.key} ${startMs}`
      const taken = [...(held.get(id) ?? []), record]
      held.set(id, taken)
      outputs.push(windowOutput(record.key, [startMs, endMs], taken, record.header))
    }
    return outputs
  }
}

/** A record is taken while the window that begins with it is open. It makes the window that ends with it, and the ones
 * that begin just after it and just after any other record, as soon as they hold one. Windows that have closed put
 * nothing out. */
export function slidingModel(parameters: Parameters): Model {
  const differenceMs = present(parameters['differenceMs'], 'a difference')
  const graceMs = present(parameters['graceMs'], 'a grace')
  const time = new StreamTime()
  const takenOf = new Map<string, Taken[]>()
  return (step) => {
    const closedMs = time.advance(step) - graceMs
    const record = foldable(step)
    if (record === null || record.timestampMs + differenceMs < closedMs) return []
    const { key, header } = record
    const before = takenOf.get(key) ?? []
    const taken = [...before, record]
    takenOf.set(key, taken)
    const known = new Set(startsMs(before, differenceMs))
    return startsMs(taken, differenceMs).flatMap((startMs) => {
      const endMs = startMs + differenceMs
      const isNew = !known.has(startMs) || inside(before, startMs, endMs).length === 0
      const holdsIt = inside([record], startMs, endMs).length > 0
      const values = inside(taken, startMs, endMs)
      if (values.length === 0 || endMs < closedMs || !(isNew || holdsIt)) return []
      return [windowOutput(key, [startMs, endMs], values, header)]
    })
  }
}

function startsMs(taken: readonly Taken[], differenceMs: number): number[] {
  const all = taken.flatMap(({ timestampMs }) => [
    Math.max(0, timestampMs - differenceMs),
    timestampMs + 1,
  ])
  return [...new Set(all)]
}

function inside(taken: readonly Taken[], startMs: number, endMs: number): Taken[] {
  return taken.filter(({ timestampMs }) => timestampMs >= startMs && timestampMs <= endMs)
}

/** A session is a set of records, each within the gap of another one. A record that is taken joins the sessions near it,
 * which are deleted unless the joined one has their bounds. */
export function sessionModel(parameters: Parameters): Model {
  const gapMs = present(parameters['gapMs'], 'a gap')
  const graceMs = present(parameters['graceMs'], 'a grace')
  const time = new StreamTime()
  const sessionsOf = new Map<string, Taken[][]>()
  return (step) => {
    const nowMs = time.advance(step)
    const record = foldable(step)
    if (record === null) return []
    const { key, timestampMs, header } = record
    const all = (sessionsOf.get(key) ?? []).filter(
      (session) => boundsOf(session)[1] >= nowMs - 2 * gapMs - graceMs,
    )
    const isNear = (session: Taken[]) => {
      const [startMs, endMs] = boundsOf(session)
      return endMs >= timestampMs - gapMs && startMs <= timestampMs + gapMs
    }
    const near = all.filter(isNear).toSorted((one, other) => boundsOf(one)[1] - boundsOf(other)[1])
    const joined = [...near.flat(), record]
    const bounds = boundsOf(joined)
    if (bounds[1] + gapMs + graceMs < nowMs) return []
    const outputs: Output[] = []
    for (const session of near) {
      const [startMs, endMs] = boundsOf(session)
      if (startMs === bounds[0] && endMs === bounds[1]) continue
      outputs.push({ ...windowOutput(key, [startMs, endMs], session, header), value: null })
    }
    sessionsOf.set(key, [...all.filter((session) => !near.includes(session)), joined])
    return [...outputs, windowOutput(key, bounds, joined, header)]
  }
}

function boundsOf(session: readonly Taken[]): [number, number] {
  const times = session.map(({ timestampMs }) => timestampMs)
  return [Math.min(...times), Math.max(...times)]
}
