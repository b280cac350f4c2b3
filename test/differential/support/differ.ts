/**
 * A test for each topology of a file: made-up cases through Java Kafka Streams and through ours, whose outputs must
 * be the same record by record.
 *
 *   TIDEMARK_TEST_CASES=5000 npm test -- differential      more cases
 *   TIDEMARK_TEST_SEED=N npm test -- differential          the same cases again
 *   TIDEMARK_TEST_JUDGE_STORES=rocksdb npm test -- …       the judge on its disk stores
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { KafkaUnavailable } from '../../../tools/kafka/java.ts'
import type { Case, Output, Outputs, Parameters, Step } from './case.ts'
import { steps as anySteps } from './inputs.ts'
import type { InputOptions } from './inputs.ts'
import { Judge } from './judge.ts'
import type { JudgeStores } from './judge.ts'
import { normaliseJudged, normaliseOurs, normaliseSteps } from './normalise.ts'
import type { RuleName } from './normalise.ts'
import { ourOutputs } from './ours.ts'
import type { Build, OurOptions } from './ours.ts'

const casesPerTopology = Number(process.env['TIDEMARK_TEST_CASES'] ?? 200)
const seed = Number(process.env['TIDEMARK_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const stores = (process.env['TIDEMARK_TEST_JUDGE_STORES'] ?? 'memory') as JudgeStores

export interface Setup extends InputOptions, Pick<OurOptions, 'errorPolicies'> {
  /** What the judge calls it, where that is not its name here. */
  readonly judgedAs?: string
  readonly parameters?: readonly Parameters[]
  readonly rules?: readonly RuleName[]
  /** Cases that come before the made-up ones. */
  readonly examples?: readonly (readonly [Parameters, readonly Step[]])[]
  /** True: nothing is made up beside them. */
  readonly onlyExamples?: boolean
  /** True: ours also takes its records several at a time, and puts out the same. */
  readonly inBatches?: boolean
}

export interface Differential {
  readonly name: string
  readonly build: Build
  readonly setup: Setup
  /** True: it is wrong on purpose, and the test is that the judge finds it. */
  readonly isCanary?: boolean
}

let judge: Judge | null = null
let unavailable: string | null = null

/** Registers the tests of a file. */
export function differ(differentials: readonly Differential[]): void {
  before(async () => {
    try {
      judge = await Judge.start(stores)
    } catch (error) {
      if (!(error instanceof KafkaUnavailable) || process.env['CI'] !== undefined) throw error
      unavailable = error.message
    }
  })
  after(async () => {
    await judge?.stop()
  })
  for (const differential of differentials) {
    const { name, isCanary = false } = differential
    const verb = isCanary ? 'is found to differ from' : 'puts out'
    test(`${name} ${verb} what Kafka Streams puts out`, async (context) => {
      if (judge === null) {
        context.skip(unavailable ?? 'there is no judge')
        return
      }
      context.diagnostic(`TIDEMARK_TEST_SEED=${seed}, ${casesPerTopology} cases`)
      if (isCanary) await assert.rejects(assertSame(judge, differential), /Property failed/)
      else await assertSame(judge, differential)
    })
  }
}

/** @throws Error of fast-check, with the smallest case that it found and both outputs */
async function assertSame(by: Judge, { name, build, setup }: Differential): Promise<void> {
  const { judgedAs: topology = name, parameters = [{}], rules = [], inBatches = false } = setup
  const { errorPolicies = {}, examples = [], onlyExamples = false } = setup
  const property = fc.asyncProperty(
    fc.constantFrom(...parameters),
    anySteps(setup),
    fc.constantFrom(1, ...(inBatches ? [3, 100] : [])),
    async (chosen, made, stepsPerRun) => {
      const steps = normaliseSteps(made, rules, chosen)
      const given: Case = { topology, parameters: chosen, steps }
      const theirs = normaliseJudged(await by.outputsOf(given), rules)
      const ours = normaliseOurs(
        await ourOutputs(given, build, { stepsPerRun, errorPolicies }),
        rules,
      )
      const [actual, expected] = stepsPerRun === 1 ? [ours, theirs] : [whole(ours), whole(theirs)]
      assert.deepEqual(actual, expected, `the case: ${JSON.stringify(given)}`)
    },
  )
  await fc.assert(property, {
    numRuns: onlyExamples ? examples.length : casesPerTopology,
    seed,
    examples: examples.map(([chosen, steps]): [Parameters, Step[], number] => [
      chosen,
      [...steps],
      1,
    ]),
  })
}

/** Topic by topic, without regard to steps. */
function whole(outputs: Outputs): Record<string, Output[]> {
  const topics: Record<string, Output[]> = {}
  for (const output of outputs.flat()) (topics[output.topic] ??= []).push(output)
  return topics
}
