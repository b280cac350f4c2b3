/**
 * A broker for the tests of a file. `npm run test:kafka` starts one for all files; a file that runs alone starts
 * its own. TIDEMARK_TEST_KAFKA=host:port,… names one that is there already. Names are unique, so files and runs
 * share a broker without seeing each other.
 */
import { randomBytes } from 'node:crypto'
import { after, test, type TestContext } from 'node:test'
import { KafkaUnavailable } from '../../../tools/kafka/java.ts'
import { sharedKafkaVariable, startOneBroker } from '../../../tools/kafka/shared-kafka.ts'
import { startKafka, type Kafka, type KafkaOptions } from '../../../tools/kafka/start-kafka.ts'

export interface TestKafka {
  /** `host:port,…`, as other programs take it. */
  readonly bootstrapServers: string
  /** The same as a list, as `openKafkaLog` takes it. */
  readonly servers: readonly string[]
  /** A name for a topic, group or transactional id that no other test has: `facts-3f9a01c2`. */
  unique(name: string): string
}

export type TestCluster = TestKafka & Kafka

/** @returns undefined where there is no Kafka: the test is then skipped with the reason. In CI it fails instead. */
export async function kafkaForTests(t: TestContext): Promise<TestKafka | undefined> {
  return orSkip(t, async () => testKafka(await sharedServers()))
}

/**
 * A cluster of the test's own, whose brokers it may kill and whose topics are all its; closed when the test ends.
 * @returns undefined as `kafkaForTests`, and where TIDEMARK_TEST_KAFKA names a cluster, which is not ours to treat so
 */
export async function clusterForTests(
  t: TestContext,
  options: KafkaOptions,
): Promise<TestCluster | undefined> {
  return orSkip(t, async () => {
    const kafka = await startOwnKafka(options)
    t.after(() => kafka.close())
    const { servers, unique } = testKafka(kafka.bootstrapServers)
    return Object.assign(kafka, { servers, unique })
  })
}

/** Of the caller, who closes it. @throws KafkaUnavailable also where TIDEMARK_TEST_KAFKA names a cluster */
export async function startOwnKafka(options?: KafkaOptions): Promise<Kafka> {
  if (process.env['TIDEMARK_TEST_KAFKA'] === undefined) return startKafka(options)
  throw new KafkaUnavailable(
    'it wants a cluster for itself, and TIDEMARK_TEST_KAFKA names one of somebody',
  )
}

/** A test with the shared broker. */
export function kafkaTest(
  name: string,
  body: (kafka: TestKafka, t: TestContext) => Promise<void>,
): void {
  void test(name, async (t) => {
    const kafka = await kafkaForTests(t)
    if (kafka !== undefined) await body(kafka, t)
  })
}

async function orSkip<Result>(
  t: TestContext,
  start: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof KafkaUnavailable) || process.env['CI'] !== undefined) throw error
    t.skip(error.message)
    return undefined
  }
}

let ofThisFile: ReturnType<typeof startOneBroker> | undefined

async function sharedServers(): Promise<string> {
  const given = process.env['TIDEMARK_TEST_KAFKA'] ?? process.env[sharedKafkaVariable]
  if (given !== undefined) return given
  ofThisFile ??= startOneBroker()
  return (await ofThisFile).bootstrapServers
}

after(async () => {
  const kafka = await ofThisFile?.catch(() => undefined)
  await kafka?.close()
})

function testKafka(bootstrapServers: string) {
  return {
    bootstrapServers,
    servers: bootstrapServers.split(','),
    unique: (name: string) => `${name}-${randomBytes(4).toString('hex')}`,
  }
}
