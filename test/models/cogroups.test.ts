/** Models of cogroups: one aggregate for both streams, into which each goes in its own way. */
import { present } from '../../src/core/assert.ts'
import type { Output, Parameters } from '../differential/support/case.ts'
import { setupOf } from '../differential/support/window-setups.ts'
import { cogroups } from '../differential/topologies/cogroups.ts'
import { compare } from './support/compare.ts'
import type { Model } from './support/compare.ts'
import { foldable, StreamTime } from './support/folds.ts'
import { hoppingModel, slidingModel } from './support/window-models.ts'

const topics = ['input', 'other']

function cogroupModel(): Model {
  const rows = new Map<string, { value: string; timestampMs: number }>()
  return (step) => {
    const record = foldable(step)
    if (record === null) return []
    const { key, header } = record
    const row = rows.get(key)
    const value = `${row?.value ?? ''}${signOf(step.topic)}${record.value}`
    const timestampMs = Math.max(record.timestampMs, row?.timestampMs ?? 0)
    rows.set(key, { value, timestampMs })
    return [{ topic: 'out', key, value, timestampMs, header }]
  }
}

/** As of one stream whose values have their signs. */
function windowed(model: (parameters: Parameters) => Model): (parameters: Parameters) => Model {
  return (parameters) => {
    const put = model(parameters)
    return (step) => {
      const value = step.value === null ? null : signOf(step.topic) + step.value
      return put({ ...step, value }).map(withoutCommas)
    }
  }
}

interface Session {
  readonly startMs: number
  readonly endMs: number
  readonly value: string
}

/** A record joins the sessions near it: theirs behind pluses, in the order of their ends, then its own value. */
function sessionModel(parameters: Parameters): Model {
  const gapMs = present(parameters['gapMs'], 'a gap')
  const graceMs = present(parameters['graceMs'], 'a grace')
  const time = new StreamTime()
  const sessionsOf = new Map<string, Session[]>()
  return (step) => {
    const nowMs = time.advance(step)
    const record = foldable(step)
    if (record === null) return []
    const { key, timestampMs, header } = record
    const all = (sessionsOf.get(key) ?? []).filter(
      ({ endMs }) => endMs >= nowMs - 2 * gapMs - graceMs,
    )
    const near = all
      .filter(
        ({ startMs, endMs }) => endMs >= timestampMs - gapMs && startMs <= timestampMs + gapMs,
      )
      .toSorted((one, other) => one.endMs - other.endMs)
    const startMs = Math.min(timestampMs, ...near.map((session) => session.startMs))
    const endMs = Math.max(timestampMs, ...near.map((session) => session.endMs))
    if (endMs + gapMs + graceMs < nowMs) return []
    const merged = near.map(({ value }) => `+${value}`).join('')
    const joined = { startMs, endMs, value: `${merged}${signOf(step.topic)}${record.value}` }
    sessionsOf.set(key, [...all.filter((session) => !near.includes(session)), joined])
    const gone = near.filter((each) => each.startMs !== startMs || each.endMs !== endMs)
    const output = (session: Session, value: string | null): Output => ({
      topic: 'out',
      key: `${key}@${session.startMs}/${session.endMs}`,
      value,
      timestampMs: session.endMs,
      header,
    })
    return [...gone.map((session) => output(session, null)), output(joined, joined.value)]
  }
}

function withoutCommas(output: Output): Output {
  return { ...output, value: output.value?.replaceAll(',', '') ?? null }
}

function signOf(topic: string): string {
  return topic === 'input' ? '+' : '-'
}

compare([
  { name: 'a cogroup', build: cogroups.cogroup, model: cogroupModel, inputs: { topics } },
  {
    name: 'a cogroup in tumbling windows',
    build: cogroups['cogroup-tumbling'],
    model: windowed(hoppingModel),
    inputs: { ...setupOf('tumbling'), topics },
    parameters: setupOf('tumbling').parameters ?? [],
  },
  {
    name: 'a cogroup in sliding windows',
    build: cogroups['cogroup-sliding'],
    model: windowed(slidingModel),
    inputs: { ...setupOf('sliding'), topics },
    parameters: setupOf('sliding').parameters ?? [],
    inAnyOrder: true,
  },
  {
    name: 'a cogroup in sessions',
    build: cogroups['cogroup-session'],
    model: sessionModel,
    inputs: { ...setupOf('session'), topics },
    parameters: setupOf('session').parameters ?? [],
  },
])
