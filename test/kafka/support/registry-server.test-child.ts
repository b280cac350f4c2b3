/**
 * Stands in for a Confluent-compatible registry where none can be installed: the project's own, in a process of its
 * own, spoken to over HTTP. Prints its URL when it listens.
 *
 *   node registry-server.test-child.ts DIRECTORY PORT
 */
import { systemClock } from '../../../src/core/clock.ts'
import { LocalSchemaRegistry } from '../../../src/schema/local-schema-registry.ts'
import { listen } from '../../../src/server/listen.ts'
import { registryApp } from '../../../src/server/registry/registry-app.ts'
import { topicRegistryStorage } from '../../../src/server/registry/topic-registry-storage.ts'
import { openStorage } from '../../../src/state/rocksdb-backend.ts'

const [directory = '', port = '0'] = process.argv.slice(2)
const storage = await openStorage({ directory, clock: systemClock })
const registry = await LocalSchemaRegistry.open(
  await topicRegistryStorage(storage.log, systemClock),
)
const listener = await listen(registryApp(registry), {
  name: 'schema registry',
  host: '127.0.0.1',
  port: Number(port),
})
process.stdout.write(`${listener.url}\n`)
process.once('SIGTERM', () => {
  void listener
    .close(500)
    .then(() => storage.close())
    .then(() => process.exit(0))
})
