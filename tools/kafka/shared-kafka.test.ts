import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaUnavailable } from './java.ts'
import { startOneBroker } from './shared-kafka.ts'

const close = () => Promise.resolve()
const broker = (bootstrapServers: string) => () => Promise.resolve({ bootstrapServers, close })
const missing = (what: string) => () => Promise.reject(new KafkaUnavailable(what))
const broken = (what: string) => () => Promise.reject(new Error(what))

test('a broker comes from the jars, and from a container only where these cannot run', async () => {
  const servers = async (...ways: Parameters<typeof startOneBroker>) =>
    (await startOneBroker(...ways)).bootstrapServers
  assert.equal(await servers(broker('jars'), broken('not asked')), 'jars')
  assert.equal(await servers(missing('no Java'), broker('container')), 'container')
  await assert.rejects(servers(broken('no port'), broker('container')), /no port/)
  await assert.rejects(servers(missing('no Java'), broken('no image')), /no image/)
})

test('where neither can run, both reasons are told', async () => {
  await assert.rejects(startOneBroker(missing('no Java'), missing('no Docker')), {
    name: 'KafkaUnavailable',
    message: 'no Java; and no Docker',
  })
})
