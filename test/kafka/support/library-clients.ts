/**
 * The high-level Producer and Consumer of `@platformatic/kafka`, as its users have them, and what they send. The
 * product uses neither; the tests of the library's defects say why.
 */
import {
  Admin,
  Connection,
  Consumer,
  FetchIsolationLevels,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import type { TestContext } from 'node:test'
import { until } from '../../../tools/kafka/cluster-view.ts'
import type { TestKafka } from './kafka-for-tests.ts'

export type LibraryProducer = Producer<string, string, string, string>
export type LibraryConsumer = Consumer<string, string, string, string>

const waitMs = 30_000

/** A new topic whose partitions all have their leaders. */
export async function libraryTopic(
  t: TestContext,
  kafka: TestKafka,
  partitionCount = 1,
): Promise<string> {
  const topic = kafka.unique('library')
  const admin: Admin = new Admin({ clientId: 'test', bootstrapBrokers: [...kafka.servers] })
  t.after(() => admin.close())
  await admin.createTopics({ topics: [topic], partitions: partitionCount })
  // A broker counts as a leader a moment before it knows that it is one.
  await until(`${topic} takes records`, waitMs, async () => {
    const producer = libraryProducer(t, kafka, { retries: 0 })
    const messages = Array.from({ length: partitionCount }, (_, partition) => {
      return { topic, partition, value: firstValue }
    })
    await producer.send({ messages })
    return true
  })
  return topic
}

/** What the first record of each partition of a `libraryTopic` holds. */
export const firstValue = 'first'

export function libraryProducer(
  t: TestContext,
  kafka: TestKafka,
  options: Partial<ConstructorParameters<typeof Producer>[0]> = {},
): LibraryProducer {
  const producer: LibraryProducer = new Producer({
    clientId: 'test',
    bootstrapBrokers: [...kafka.servers],
    serializers: stringSerializers,
    ...(options as object),
  })
  t.after(() => producer.close(true))
  return producer
}

/** Patient and quick in its retries, unlike its defaults. */
export function transactionalLibraryProducer(
  t: TestContext,
  kafka: TestKafka,
  transactionalId = kafka.unique('library'),
): LibraryProducer {
  return libraryProducer(t, kafka, {
    idempotent: true,
    transactionalId,
    retries: 500,
    retryDelay: 5,
  })
}

export function libraryConsumer(
  t: TestContext,
  kafka: TestKafka,
  options: Partial<ConstructorParameters<typeof Consumer>[0]> = {},
): LibraryConsumer {
  const consumer: LibraryConsumer = new Consumer({
    clientId: 'test',
    groupId: kafka.unique('library'),
    bootstrapBrokers: [...kafka.servers],
    deserializers: stringDeserializers,
    isolationLevel: FetchIsolationLevels.READ_COMMITTED,
    autocommit: false,
    ...(options as object),
  })
  t.after(() => consumer.close(true))
  return consumer
}

/** From the beginning of the topic until one satisfies `isLast`. */
export async function readMessages(
  consumer: LibraryConsumer,
  topic: string,
  isLast: (value: string, count: number) => boolean,
) {
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
  const messages = []
  for await (const message of stream) {
    messages.push(message)
    if (isLast(message.value, messages.length)) break
  }
  return messages
}

export interface SentRequest {
  readonly apiKey: number
  readonly body: Buffer
}

/** Every request that the library's connections send until the test ends, whoever asks for it. */
export function recordRequests(t: TestContext): readonly SentRequest[] {
  const requests: SentRequest[] = []
  const send = Connection.prototype.send
  t.mock.method(Connection.prototype, 'send', function (this: Connection, ...args: SendArguments) {
    const [apiKey, version, createPayload, ...rest] = args
    const recorded = async () => {
      const writer = await createPayload()
      requests.push({ apiKey, body: Buffer.from(writer.buffer) })
      return writer
    }
    send.call(this, apiKey, version, recorded, ...rest)
  })
  return requests
}

type SendArguments = Parameters<Connection['send']>
