/** The broker that one run of the tests shares, handed to the test processes by the environment. */
import { KafkaUnavailable } from './java.ts'
import { startKafka, type Kafka } from './start-kafka.ts'

/** From the runner to its test files; people set TIDEMARK_TEST_KAFKA. */
export const sharedKafkaVariable = 'TIDEMARK_TEST_KAFKA_OF_THE_RUN'

/** Starts it, unless one is named or Kafka cannot run here: then each test says so itself. */
export async function startSharedKafka(): Promise<Pick<Kafka, 'close'>> {
  const nothing = { close: () => Promise.resolve() }
  if (process.env['TIDEMARK_TEST_KAFKA'] !== undefined) return nothing
  try {
    const kafka = await startKafka()
    process.env[sharedKafkaVariable] = kafka.bootstrapServers
    return kafka
  } catch (error) {
    if (error instanceof KafkaUnavailable) return nothing
    throw error
  }
}
