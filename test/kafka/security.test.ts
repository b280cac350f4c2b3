/** TLS and every SASL mechanism, with the right credentials and with wrong ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { connectionsConnectsChannel } from '@platformatic/kafka'

import { systemClock } from '../../src/core/clock.ts'
import type { Partition, TopicName } from '../../src/core/record.ts'
import type { KafkaSecurity } from '../../src/log/kafka/connections/kafka-security.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'
import type { TestCluster } from './support/kafka-for-tests.ts'

const base64 = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

/** As the brokers of the tests take it: signed by nobody. */
function unsecuredToken(subject: string, validMs: number): string {
  const issuedS = Math.floor(systemClock.nowMs() / 1000) - 60
  const claims = { sub: subject, iat: issuedS, exp: issuedS + 60 + validMs / 1000 }
  return `${base64({ alg: 'none' })}.${base64(claims)}.`
}

async function roundTrip(kafka: TestCluster, servers: string, security: KafkaSecurity) {
  const log = await openKafkaLog({
    bootstrapServers: [servers],
    clientId: 'test',
    clock: systemClock,
    security,
    limits: { giveUpAfterMs: 1_000, connectTimeoutMs: 2_000 },
  })
  try {
    const topic = kafka.unique('secured') as TopicName
    const at = { topic, partition: 0 as Partition }
    await log.createTopics([
      { name: topic, partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null },
    ])
    const record = { key: null, value: Buffer.from('kept'), timestampMs: 1 }
    await log.append([{ ...at, records: [record] }])
    const [found] = await log.fetch({
      partitions: [{ ...at, offset: 0 as never }],
      bytesMax: 1_000,
      bytesPerPartitionMax: 1_000,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    assert.deepEqual(
      found?.records.map(({ value }) => String(value)),
      ['kept'],
    )
  } finally {
    await log.close()
  }
}

void test('a cluster that wants TLS and credentials', async (t) => {
  const kafka = await clusterForTests(t, { security: ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] })
  if (kafka === undefined) return
  const { secure, certificates, user } = kafka
  const tls = { authority: certificates!.authority }
  const { name: username, password } = user
  const token = async () => unsecuredToken(username, 3_600_000)
  const passing = {
    'TLS alone': ['SSL', { tls }],
    PLAIN: ['SASL_PLAINTEXT', { sasl: { mechanism: 'PLAIN', username, password } }],
    'PLAIN over TLS': ['SASL_SSL', { tls, sasl: { mechanism: 'PLAIN', username, password } }],
    'SCRAM-SHA-256': [
      'SASL_SSL',
      { tls, sasl: { mechanism: 'SCRAM-SHA-256', username, password } },
    ],
    'SCRAM-SHA-512': [
      'SASL_SSL',
      { tls, sasl: { mechanism: 'SCRAM-SHA-512', username, password } },
    ],
    OAUTHBEARER: ['SASL_SSL', { tls, sasl: { mechanism: 'OAUTHBEARER', token } }],
  } as const satisfies Record<string, readonly [keyof typeof secure, KafkaSecurity]>
  for (const [name, [listener, security]] of Object.entries(passing)) {
    await t.test(`is spoken to by ${name}`, () => roundTrip(kafka, secure[listener]!, security))
  }
  const expired = async () => unsecuredToken(username, -30_000)
  const refused = {
    'an authority that did not sign': ['SSL', { tls: true }],
    'a wrong password by PLAIN': [
      'SASL_PLAINTEXT',
      { sasl: { mechanism: 'PLAIN', username, password: 'wrong' } },
    ],
    'a wrong password by SCRAM': [
      'SASL_SSL',
      { tls, sasl: { mechanism: 'SCRAM-SHA-512', username, password: 'wrong' } },
    ],
    'a user that nobody knows': [
      'SASL_SSL',
      { tls, sasl: { mechanism: 'SCRAM-SHA-256', username: 'nobody', password } },
    ],
    'an expired token': ['SASL_SSL', { tls, sasl: { mechanism: 'OAUTHBEARER', token: expired } }],
    'no TLS and no credentials': ['SSL', {}],
  } as const satisfies Record<string, readonly [keyof typeof secure, KafkaSecurity]>
  for (const [name, [listener, security]] of Object.entries(refused)) {
    await t.test(`refuses ${name}, and we say what to look at`, async () => {
      await assert.rejects(roundTrip(kafka, secure[listener]!, security), {
        code: 'KAFKA_REFUSED',
        message: /kafka\.(tls|saslMechanism)/,
      })
    })
  }
  const silent = {
    'no TLS where there is SASL': [
      'SASL_SSL',
      { sasl: { mechanism: 'PLAIN', username, password } },
    ],
    'no credentials': ['SASL_PLAINTEXT', {}],
  } as const satisfies Record<string, readonly [keyof typeof secure, KafkaSecurity]>
  for (const [name, [listener, security]] of Object.entries(silent)) {
    await t.test(`hangs up on ${name}, and we say what that may mean`, async () => {
      await assert.rejects(roundTrip(kafka, secure[listener]!, security), {
        code: 'KAFKA_UNREACHABLE',
      })
    })
  }
})

void test('a session that ends is renewed under way, and no request is lost by it', async (t) => {
  const kafka = await clusterForTests(t, {
    security: ['SASL_PLAINTEXT'],
    // The library renews after four fifths; brokers refuse to within a second of the last time.
    overrides: { 'connections.max.reauth.ms': 1_400 },
  })
  if (kafka === undefined) return
  let tokensAsked = 0
  const log = await openKafkaLog({
    bootstrapServers: [kafka.secure.SASL_PLAINTEXT!],
    clientId: 'test',
    clock: systemClock,
    security: {
      sasl: {
        mechanism: 'OAUTHBEARER',
        token: async () => {
          tokensAsked++
          return unsecuredToken(kafka.user.name, 3_600_000)
        },
      },
    },
  })
  t.after(() => log.close())
  const at = { topic: kafka.unique('secured') as TopicName, partition: 0 as Partition }
  await log.createTopics([
    { name: at.topic, partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null },
  ])
  let connects = 0
  const countConnect = () => {
    connects++
  }
  connectionsConnectsChannel.start.subscribe(countConnect)
  t.after(() => connectionsConnectsChannel.start.unsubscribe(countConnect))
  let count = 0
  const round = async () => {
    const record = { key: null, value: Buffer.from('value'), timestampMs: 1 }
    await log.append([{ ...at, records: [record] }])
    count++
    await log.describeTopics([at.topic])
  }
  // Before, so that all connections are open. Then one of many requests falls into each renewal.
  await round()
  const asked = tokensAsked
  connects = 0
  const callers = Array.from({ length: 20 }, async () => {
    while (tokensAsked < asked + 4) await round()
  })
  await Promise.all(callers)
  const [described] = await log.describeTopics([at.topic])
  assert.equal(described?.partitions[0]?.highWatermark, count)
  assert.equal(connects, 0, 'no connection was lost')
})
