import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as jars from './jars.ts'

/** The module as it is where the variable is so. */
async function jarsWith(version: string | undefined): Promise<typeof jars> {
  const before = process.env['TIDEMARK_TEST_KAFKA_VERSION']
  if (version === undefined) delete process.env['TIDEMARK_TEST_KAFKA_VERSION']
  else process.env['TIDEMARK_TEST_KAFKA_VERSION'] = version
  try {
    return (await import(`./jars.ts?version=${version}`)) as typeof jars
  } finally {
    if (before === undefined) delete process.env['TIDEMARK_TEST_KAFKA_VERSION']
    else process.env['TIDEMARK_TEST_KAFKA_VERSION'] = before
  }
}

void test('brokers are of the version that is asked for, each with jars of its own', async () => {
  const usual = await jarsWith(undefined)
  const older = await jarsWith('3.7.2')
  assert.deepEqual([older.kafkaVersion, older.isBefore4], ['3.7.2', true])
  assert.equal(usual.isBefore4, false)
  assert.match(older.cacheFolder, /3\.7\.2$/)
  assert.notEqual(usual.cacheFolder, older.cacheFolder)
})

void test('what is no version of Kafka is refused', async () => {
  await assert.rejects(jarsWith('latest'), /TIDEMARK_TEST_KAFKA_VERSION is a version .*"latest"/)
})
