/**
 * Every place where our output is not Kafka Streams' on purpose; docs/semantics.md says why of each, under the
 * rule's name. A rule of inputs keeps a case clear of what differs, on both sides; a rule of the judge's outputs takes
 * out what Kafka Streams puts out and we never do; a rule of outputs makes both sides alike. A topology has only the
 * rules that it names.
 */
import { isDeepStrictEqual } from 'node:util'
import { isClockStep } from './case.ts'
import type { Output, Outputs, Parameters, RecordStep, Step } from './case.ts'
import { OverlookedResults } from './overlooked-results.ts'

type InputRule = (steps: readonly Step[], parameters: Parameters) => readonly Step[]
type OutputRule = (outputs: Outputs) => Outputs

export const inputRules = {
  /** A delete without a key is refused at the door. Every topology has this rule. */
  'keyless-deletes': (steps) =>
    withRecords(steps, (record) => (record.key === null && record.value === null ? null : record)),
  /** Windowed folds of Kafka Streams take records without a value in. */
  'null-values-in-windows': (steps) =>
    withRecords(steps, (record) => (record.value === null ? null : record)),
  /** Stream time is the task's here and counts every record; there it is each window's own. */
  'stream-time-of-the-task': (steps) => {
    let latestMs = 0
    return withRecords(steps, (record) => {
      if (record.key === null)
        return { ...record, timestampMs: Math.min(record.timestampMs, latestMs) }
      latestMs = Math.max(latestMs, record.timestampMs)
      return record
    })
  },
  /** Ours of a key are ordered by time, Kafka Streams' by arrival: the same where time rises. */
  'tables-by-event-time': (steps) => {
    const latestMs = new Map<string, number>()
    return withRecords(steps, (record) => {
      if (!tableTopics.has(record.topic)) return record
      const id = `${record.topic} ${record.key}`
      const timestampMs = Math.max(record.timestampMs, (latestMs.get(id) ?? -1) + 1)
      latestMs.set(id, timestampMs)
      return { ...record, timestampMs }
    })
  },
  /** As before, over all tables: what comes last is then the latest, of whatever table. */
  'time-that-rises': (steps) => {
    let latestMs = -1
    return withRecords(steps, (record) => {
      latestMs = Math.max(record.timestampMs, latestMs + 1)
      return { ...record, timestampMs: latestMs }
    })
  },
  /** What is older than `lateMaxMs` of the case is as old as that. */
  'late-by-more': (steps, { lateMaxMs = Infinity }) => {
    let latestMs = 0
    return withRecords(steps, (record) => {
      const timestampMs = Math.max(record.timestampMs, latestMs - lateMaxMs)
      latestMs = Math.max(latestMs, timestampMs)
      return { ...record, timestampMs }
    })
  },
  /** Kafka Streams takes a bound of a join's window that lies before zero for zero: none does, where all is later. */
  'windows-before-zero': (steps, { beforeMs = 0, afterMs = 0 }) =>
    withRecords(steps, (record) => {
      const timestampMs = record.timestampMs + Math.max(0, -beforeMs, -afterMs)
      return { ...record, timestampMs }
    }),
  /** Of an outer join of streams: Kafka Streams hands some results on later than it means to. */
  'overlooked-results': (steps, parameters) => {
    const overlooked = new OverlookedResults(parameters)
    return withRecords(steps, (record) => overlooked.take(record))
  },
  /** A fold of several streams: what is late is late for all, or for none. */
  'time-of-each-stream': (steps) => {
    let latestMs = 0
    return withRecords(steps, (record) => {
      latestMs = Math.max(latestMs, record.timestampMs)
      return { ...record, timestampMs: latestMs }
    })
  },
  /** So that all that waits is handed on. */
  'much-later': (steps) => [
    ...steps,
    { topic: 'input', key: 'later', value: '1', timestampMs: 1000, header: null },
  ],
  /** Of two updates of a key at one moment the later one wins there; here the one with the greater bytes. */
  'ties-in-tables': (steps) => {
    const taken = new Set<string>()
    return withRecords(steps, (record) => {
      let { timestampMs } = record
      const id = () => `${record.topic} ${record.key} ${timestampMs}`
      while (taken.has(id())) timestampMs += 1
      taken.add(id())
      return { ...record, timestampMs }
    })
  },
  /** A delete of a row that is not there: to Kafka Streams' foreign-key joins it is a change. */
  'idle-deletes-of-rows': (steps) => {
    const held = new Set<string>()
    return withRecords(steps, (record) => {
      const id = `${record.topic} ${record.key}`
      if (record.value !== null) held.add(id)
      else if (!held.delete(id)) return null
      return record
    })
  },
  /** Kafka Streams' foreign-key joins take a row that is empty when serialized for one that is not there. */
  'empty-rows': (steps) =>
    withRecords(steps, (record) => (record.value === '' ? { ...record, value: 'e' } : record)),
} satisfies Record<string, InputRule>

/** Ours stay as they are: what is taken out here, and ours puts out, is found to differ. */
export const judgeOutputRules = {
  /** A versioned table of Kafka Streams also puts out what is older than what it put out before. */
  'older-versions': (outputs) => {
    const latestMs = new Map<string, number>()
    return outputs.map((step) =>
      step.filter(({ topic, key, timestampMs }) => {
        const id = `${topic} ${key}`
        if (timestampMs < (latestMs.get(id) ?? 0)) return false
        latestMs.set(id, timestampMs)
        return true
      }),
    )
  },
  /** A delete of a key that holds nothing. */
  'idle-tombstones': (outputs) => {
    const held = new Set<string>()
    return outputs.map((step) =>
      step.filter((output) => {
        const id = `${output.topic} ${output.key}`
        if (output.value !== null) held.add(id)
        else if (!held.delete(id)) return false
        return true
      }),
    )
  },
  /** A sliding window that follows one record and ends with the next is handed on twice there. */
  'windows-handed-on-twice': (outputs) =>
    outputs.map((step) =>
      step.filter((output, index) => !isDeepStrictEqual(output, step[index - 1])),
    ),
  /** A delete of a session that its own update follows at once. */
  'sessions-that-keep-their-bounds': (outputs) =>
    outputs.map((step) =>
      step.filter((output, index) => {
        const isUpdated = (later: Output) => later.key === output.key && later.value !== null
        return output.value !== null || !step.slice(index + 1).some(isUpdated)
      }),
    ),
} satisfies Record<string, OutputRule>

/** Of both sides. */
export const outputRules = {
  /** A final result has the headers of the window's last record here, of the one that closed it there. */
  'headers-of-final-results': (outputs) =>
    outputs.map((step) => step.map((output) => ({ ...output, header: null }))),
  /** The joined row has the later time of its two rows here, deletes included; there not always. */
  'times-of-table-joins': (outputs) =>
    outputs.map((step) => step.map((output) => ({ ...output, timestampMs: 0 }))),
  /** Of a join of streams with uneven windows: what goes out alone in one step goes by its close here, there by its time. */
  'order-of-closing': (outputs) =>
    outputs.map((step) => step.toSorted((one, two) => (placeOf(one) < placeOf(two) ? -1 : 1))),
  /** Kafka Streams drops the headers of records that it folds into sessions. */
  'headers-of-sessions': (outputs) =>
    outputs.map((step) => step.map((output) => ({ ...output, header: null }))),
} satisfies Record<string, OutputRule>

export type RuleName =
  keyof typeof inputRules | keyof typeof judgeOutputRules | keyof typeof outputRules

export function normaliseSteps(
  steps: readonly Step[],
  rules: readonly RuleName[],
  parameters: Parameters = {},
): Step[] {
  let result: readonly Step[] = inputRules['keyless-deletes'](steps)
  for (const rule of rules)
    if (rule in inputRules) {
      result = inputRules[rule as keyof typeof inputRules](result, parameters)
    }
  return [...result]
}

/** As the rules follow one another. */
export function normaliseJudged(outputs: Outputs, rules: readonly RuleName[]): Outputs {
  return follow({ ...judgeOutputRules, ...outputRules }, outputs, rules)
}

export function normaliseOurs(outputs: Outputs, rules: readonly RuleName[]): Outputs {
  return follow(outputRules, outputs, rules)
}

function follow(
  known: Readonly<Partial<Record<RuleName, OutputRule>>>,
  outputs: Outputs,
  rules: readonly RuleName[],
): Outputs {
  return rules.reduce((result, rule) => known[rule]?.(result) ?? result, outputs)
}

const placeOf = ({ timestampMs, key, value }: Output) => `${timestampMs + 1e15} ${key} ${value}`

const tableTopics = new Set(['table', 'other'])

/** Each record as `change` gives it back; null leaves it out. */
function withRecords(
  steps: readonly Step[],
  change: (record: RecordStep) => RecordStep | null,
): Step[] {
  return steps.flatMap((step): Step[] => {
    if (isClockStep(step)) return [step]
    const changed = change(step)
    return changed === null ? [] : [changed]
  })
}
