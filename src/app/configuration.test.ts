import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import { loadConfiguration, type ConfigurationInput } from './configuration.ts'
import { bundledTopologyNames } from './topologies.ts'

let directory: string

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-configuration-'))
  writeFileSync(join(directory, 'tidemark.yaml'), 'workers: 2\npartitions: 6\nhost: 127.0.0.2\n')
  writeFileSync(join(directory, 'tidemark.dev.yaml'), 'partitions: 3\nhost: 127.0.0.3\n')
  writeFileSync(join(directory, 'tidemark.wrong.yaml'), 'partition: 3\nworkers: many\n')
})

after(() => {
  rmSync(directory, { recursive: true })
})

function load(input: Partial<ConfigurationInput>) {
  return loadConfiguration({ flags: {}, environment: {}, directory, ...input })
}

test('flags go before the environment, that before the overlay, that before the base, that before defaults', () => {
  const configuration = load({
    flags: { host: '127.0.0.5' },
    environment: { TIDEMARK_HOST: '127.0.0.4', TIDEMARK_PORT_OFFSET: '10' },
    environmentName: 'dev',
  })
  assert.equal(configuration.host, '127.0.0.5')
  assert.equal(configuration.portOffset, 10)
  assert.equal(configuration.partitions, 3)
  assert.equal(configuration.workers, 2)
  assert.deepEqual(configuration.topologies.toSorted(), bundledTopologyNames())
})

test('every fault is told at once, each with where it was set and what would be right', () => {
  const faults = (input: Partial<ConfigurationInput>) => {
    try {
      load(input)
    } catch (thrown) {
      assert.ok(thrown instanceof TidemarkError)
      assert.equal(thrown.code, 'CONFIGURATION_INVALID')
      return thrown.message
    }
    return assert.fail('nothing was refused')
  }
  const message = faults({
    flags: { portOffset: 'x', dataDir: '' },
    environment: {
      TIDEMARK_WORKER: '2',
      TIDEMARK_KAFKA_CLEINT_RACK: 'a',
      TIDEMARK_XYZ: '1',
      TIDEMARK_DURABILITY: 'maybe',
      HOME: '/',
    },
    environmentName: 'wrong',
  })
  assert.match(message, /8 faults/)
  assert.match(message, /--port-offset: expected a whole number from 0 to 57000, found "x"/)
  assert.match(message, /--data-dir: expected text/)
  assert.match(message, /TIDEMARK_WORKER: unknown; did you mean TIDEMARK_WORKERS\?/)
  assert.match(
    message,
    /TIDEMARK_KAFKA_CLEINT_RACK: unknown; did you mean TIDEMARK_KAFKA_CLIENT_RACK\?/,
  )
  assert.match(message, /TIDEMARK_XYZ: unknown; docs\/configuration\.md lists every setting/)
  assert.match(message, /TIDEMARK_DURABILITY: expected one of fsync, process-crash, found "maybe"/)
  assert.match(message, /tidemark\.wrong\.yaml: partition: unknown; did you mean partitions\?/)
  assert.match(message, /tidemark\.wrong\.yaml: workers: expected a whole number/)
})

test('a port that browsers refuse is refused', () => {
  for (const portOffset of [2000, 1999, 1998, 1957]) {
    assert.throws(
      () => load({ flags: { portOffset } }),
      /--port-offset: \d+ gives a door port 10080, which browsers refuse/,
    )
  }
  assert.equal(load({ flags: { portOffset: 2001 } }).portOffset, 2001)
})

test('an overlay that is named must exist', () => {
  assert.throws(
    () => load({ environmentName: 'absent' }),
    /there is no file .*tidemark\.absent\.yaml/,
  )
})

test('what the tests set is no setting', () => {
  load({ environment: { TIDEMARK_TEST_CASES: '5' } })
})
