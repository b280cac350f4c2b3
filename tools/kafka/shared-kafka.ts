/** The broker that one run of the tests shares, handed to the test processes by the environment. */
import { KafkaUnavailable } from './java.ts'
import { startKafkaContainer } from './kafka-container.ts'
import { startKafka, type Kafka } from './start-kafka.ts'

/** From the runner to its test files; people set TIDEMARK_TEST_KAFKA. */
export const sharedKafkaVariable = 'TIDEMARK_TEST_KAFKA_OF_THE_RUN'

type SharedKafka = Pick<Kafka, 'bootstrapServers' | 'close'>

/** Starts it, unless one is named or Kafka cannot run here: then each test says so itself. */
export async function startSharedKafka(): Promise<Pick<Kafka, 'close'>> {
  const nothing = { close: () => Promise.resolve() }
  if (process.env['TIDEMARK_TEST_KAFKA'] !== undefined) return nothing
  try {
    const kafka = await startOneBroker()
    process.env[sharedKafkaVariable] = kafka.bootstrapServers
    return kafka
  } catch (error) {
    if (error instanceof KafkaUnavailable) return nothing
    throw error
  }
}

/** From Kafka's own jars, or, where Java or Maven is missing and Docker runs, in a container.
 * @throws KafkaUnavailable with both reasons */
export async function startOneBroker(
  fromJars: () => Promise<SharedKafka> = startKafka,
  inContainer: () => Promise<SharedKafka> = startKafkaContainer,
): Promise<SharedKafka> {
  try {
    return await fromJars()
  } catch (withoutJars) {
    if (!(withoutJars instanceof KafkaUnavailable)) throw withoutJars
    try {
      return await inContainer()
    } catch (cause) {
      if (!(cause instanceof KafkaUnavailable)) throw cause
      throw new KafkaUnavailable(`${withoutJars.message}; and ${cause.message}`, { cause })
    }
  }
}
