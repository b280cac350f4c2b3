/**
 * The contender on `@kafkats/flow`, as its documentation writes an aggregate: state in memory, the only store it
 * brings, with its changelog. Started by the benchmark with the arguments of `ContenderArguments`.
 */
import { flow, string } from '@kafkats/flow'
import type { Codec } from '@kafkats/flow'
import { contenderArguments } from './contender-arguments.ts'
import { interactionOf, joinAnswer, studentTestSerde, summaryOf } from './student-test.ts'
import type { Question, StudentTest } from './student-test.ts'

const given = contenderArguments(process.argv.slice(2))
const text = string()

/** The state and, beside it, what the last answer touched: an aggregate hands on nothing but itself. */
interface Aggregate {
  readonly state: StudentTest
  readonly touched: Question | null
}

const aggregateCodec: Codec<Aggregate> = {
  encode: ({ state }) => studentTestSerde.serialize(state),
  decode: (bytes) => ({ state: studentTestSerde.deserialize(bytes), touched: null }),
}

const app = flow({
  applicationId: given.applicationId,
  client: { clientId: given.applicationId, brokers: given.bootstrapServers.split(',') },
  processingGuarantee: given.guarantee === 'exactly-once' ? 'exactly_once' : 'at_least_once',
  commitIntervalMs: 100,
  // Two would be two consumers of one process, which do not come up within the ten seconds that it gives them.
  numStreamThreads: 1,
  changelog: { replicationFactor: 1 },
})

const changed = app
  .stream(given.input, { key: text, value: text, offsetReset: 'earliest' })
  .groupByKey({ key: text, value: text })
  .aggregate<Aggregate>(
    () => ({ state: { questions: [] }, touched: null }),
    (_key, value, { state }) => ({ state, touched: joinAnswer(state, value) }),
    { storeName: 'student-tests', key: text, value: aggregateCodec },
  )
  .toStream()
  .filter((_key, value) => value !== null && value.touched !== null)
changed
  .map<string, string>((key, value) => {
    const touched = value?.touched as Question
    return [`${key}/${touched.id}`, interactionOf(touched)]
  })
  .to(given.interactions, { key: text, value: text })
changed
  .map<string, string>((key, value) => [key ?? '', summaryOf((value as Aggregate).state)])
  .to(given.summaries, { key: text, value: text })

process.once('SIGTERM', () => {
  void app.close().finally(() => process.exit(0))
})
await app.start()
