/** A case: a topology by its name and what happens to it, step by step. The judge reads the same as JSON. */

export interface RecordStep {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestampMs: number
  /** The value of the record's only header; null: it has none. */
  readonly header: string | null
}

export interface ClockStep {
  /** How far the wall clock moves. */
  readonly advanceMs: number
}

export type Step = RecordStep | ClockStep

export type Parameters = Readonly<Record<string, number>>

export interface Case {
  readonly topology: string
  readonly parameters: Parameters
  readonly steps: readonly Step[]
}

/** A record of one of the topics whose names begin with "out". */
export interface Output {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestampMs: number
  readonly header: string | null
}

/** What each step put out: topic by topic in alphabetical order, in each in the order of the records. */
export type Outputs = readonly (readonly Output[])[]

export function isClockStep(step: Step): step is ClockStep {
  return 'advanceMs' in step
}
