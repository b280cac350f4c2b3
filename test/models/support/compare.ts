/**
 * A test for each operator: made-up cases through the runtime and through a model of the operator in plain code,
 * which must put out the same, step by step: nothing more and nothing less. The inputs are those of the differential
 * test, as they come: late, repeated, out of order, without key or value.
 *
 *   TIDEMARK_TEST_CASES=200 npm test -- models       fewer cases
 *   TIDEMARK_TEST_SEED=N npm test -- models          the same cases again
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openStorage } from '../../../src/state/rocksdb-backend.ts'
import type { Case, Output, Outputs, Parameters, Step } from '../../differential/support/case.ts'
import { isClockStep } from '../../differential/support/case.ts'
import type { RecordStep } from '../../differential/support/case.ts'
import { steps } from '../../differential/support/inputs.ts'
import type { InputOptions } from '../../differential/support/inputs.ts'
import { normaliseSteps } from '../../differential/support/normalise.ts'
import { ourOutputs } from '../../differential/support/ours.ts'
import type { Build, OurOptions } from '../../differential/support/ours.ts'

const casesPerOperator = Number(process.env['TIDEMARK_TEST_CASES'] ?? 2000)
/** Each opens a database of its own, which takes as long as a hundred cases in memory. */
const casesOnRocksdb = Math.max(1, Math.floor(casesPerOperator / 100))
const seed = Number(process.env['TIDEMARK_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** What a record leads to; made anew for each case, so that it may remember. */
export type Model = (record: RecordStep) => Output[]

export interface Comparison {
  readonly name: string
  readonly build: Build
  readonly model: (parameters: Parameters) => Model
  readonly inputs: InputOptions
  readonly parameters?: readonly Parameters[]
  /** True: the operator reads one topic, so several records at a time make no difference. */
  readonly inBatches?: boolean
  /** True: what a step puts out is compared without its order. */
  readonly inAnyOrder?: boolean
  /** What is left of what the records of one run put out, where that is not all. */
  readonly perRun?: (outputs: readonly Output[]) => readonly Output[]
  /** The wall clock is part of the case: stream time goes on once the topics have been quiet for so long. */
  readonly idleAfterMs?: number
}

export function compare(comparisons: readonly Comparison[]): void {
  for (const comparison of comparisons) {
    test(`${comparison.name} puts out what its model does`, async (context) => {
      context.diagnostic(`TIDEMARK_TEST_SEED=${seed}, ${casesPerOperator} cases`)
      await assertSame(comparison, casesPerOperator, async (use) => use({}))
    })
    test(`${comparison.name} puts out what its model does on RocksDB`, async () => {
      await assertSame(comparison, casesOnRocksdb, withRocksdb)
    })
  }
}

type With = (
  use: (options: Pick<OurOptions, 'openStorage'>) => Promise<Outputs>,
) => Promise<Outputs>

async function assertSame(comparison: Comparison, numRuns: number, withStorage: With) {
  const { build, inputs, parameters = [{}], inBatches = false, idleAfterMs } = comparison
  const perRun = comparison.perRun ?? ((outputs: readonly Output[]) => outputs)
  // Where idleness has brought stream time is not kept over a restart unless something was put out.
  const idle = idleAfterMs === undefined ? null : { limits: { idleAdvanceAfterMs: idleAfterMs } }
  const property = fc.asyncProperty(
    fc.constantFrom(...parameters),
    steps(inputs),
    fc.constantFrom(1, ...(inBatches ? [3, 100] : [])),
    fc.boolean(),
    async (chosen, made, stepsPerRun, restarts) => {
      const given: Case = { topology: '', parameters: chosen, steps: normaliseSteps(made, []) }
      const expected = inRuns(modelOutputs(comparison, given), stepsPerRun).map(perRun)
      const actual = await withStorage((options) =>
        ourOutputs(given, build, { stepsPerRun, ...(idle ?? { restarts }), ...options }),
      )
      const form = comparison.inAnyOrder === true ? sorted : (outputs: Outputs) => outputs
      assert.deepEqual(form(actual), form(expected), `the case: ${JSON.stringify(given)}`)
    },
  )
  await fc.assert(property, { numRuns, seed })
}

function modelOutputs(
  { model, idleAfterMs }: Comparison,
  { parameters, steps: all }: Case,
): Outputs {
  const put = model(parameters)
  const quiet = new QuietTime(idleAfterMs ?? Infinity)
  return all.map((step: Step) => {
    if (!isClockStep(step)) {
      quiet.noteRecord(step.timestampMs)
      return put(step)
    }
    const timestampMs = quiet.advance(step.advanceMs)
    // To a model that is a record which does nothing but bring the time.
    return put({ topic: 'clock', key: null, value: null, timestampMs, header: null })
  })
}

/** Stream time, as it goes on with the wall clock while no record comes. */
class QuietTime {
  readonly #afterMs: number
  #streamTimeMs = 0
  #nowMs = 0
  #since: { readonly nowMs: number; readonly streamTimeMs: number } | null = null

  constructor(afterMs: number) {
    this.#afterMs = afterMs
  }

  noteRecord(timestampMs: number): void {
    this.#streamTimeMs = Math.max(this.#streamTimeMs, timestampMs)
    this.#since = { nowMs: this.#nowMs, streamTimeMs: this.#streamTimeMs }
  }

  advance(byMs: number): number {
    this.#nowMs += byMs
    if (this.#since === null) return this.#streamTimeMs
    const quietMs = this.#nowMs - this.#since.nowMs
    if (quietMs < this.#afterMs) return this.#streamTimeMs
    this.#streamTimeMs = Math.max(this.#streamTimeMs, this.#since.streamTimeMs + quietMs)
    return this.#streamTimeMs
  }
}

function inRuns(outputs: Outputs, stepsPerRun: number): Outputs {
  const runs: Output[][] = []
  for (let index = 0; index < outputs.length; index += stepsPerRun) {
    runs.push(outputs.slice(index, index + stepsPerRun).flat())
  }
  return runs
}

/** By topic and key; those of one key keep their order. */
function sorted(outputs: Outputs): Outputs {
  const place = ({ topic, key }: Output) => `${topic} ${key}`
  return outputs.map((run) =>
    run.toSorted((left, right) =>
      place(left) < place(right) ? -1 : place(left) > place(right) ? 1 : 0,
    ),
  )
}

const withRocksdb: With = async (use) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-model-'))
  try {
    return await use({
      openStorage: (clock) => openStorage({ directory, clock, durability: 'process-crash' }),
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
