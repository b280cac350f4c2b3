/** What `tidemark doctor` looks at. Nothing is changed. */
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism, freemem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { dataDirectoryFormat } from '../log/embedded/data-directory.ts'
import { systemClock } from '../core/clock.ts'
import { HttpSchemaRegistry } from '../schema/http-schema-registry.ts'
import { openClickHouse } from '../sinks/clickhouse/open-clickhouse.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import { clickHouseOptions, probeLimits, registryOptions } from './cluster-options.ts'
import type { Configuration } from './configuration.ts'
import { openOperatorLog } from './inspect.ts'
import { withoutCredentials } from './secret.ts'
import { readInstanceFile, type InstanceFile } from './instance-file.ts'
import { portsOf } from './ports.ts'
import { loadTopologies } from './topologies.ts'

export interface Finding {
  readonly check: string
  readonly verdict: 'ok' | 'note' | 'wrong'
  readonly detail: string
}

const gibibyte = 1024 ** 3
const freeDiskMin = gibibyte
const freeMemoryMin = gibibyte

export async function diagnose(configuration: Configuration): Promise<readonly Finding[]> {
  const running = readInstanceFile(configuration.dataDir)
  return [
    node(),
    await engine('RocksDB', () => import('rocksdb-native')),
    ...(configuration.cluster === null
      ? [await engine('ClickHouse engine', () => import('chdb'))]
      : await servers(configuration.cluster)),
    machine(),
    dataDirectory(configuration.dataDir, running),
    disk(configuration.dataDir),
    await topologies(configuration.topologies),
    ...(await ports(configuration, running)),
    await instance(running),
  ]
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const enough = major > 22 || (major === 22 && minor >= 18)
  return {
    check: 'Node',
    verdict: enough ? 'ok' : 'wrong',
    detail: enough ? process.version : `${process.version}; install Node 24, or 22.18 and later`,
  }
}

async function engine(name: string, load: () => Promise<unknown>): Promise<Finding> {
  try {
    await load()
    return { check: name, verdict: 'ok', detail: `loads on ${process.platform} ${process.arch}` }
  } catch (thrown) {
    return {
      check: name,
      verdict: 'wrong',
      detail: `${messageOf(thrown)}; run npm ci again, and on Linux install libatomic (apt-get install libatomic1)`,
    }
  }
}

/** Each is asked once. */
async function servers(cluster: ClusterConfiguration): Promise<readonly Finding[]> {
  const clock = systemClock
  const registry = new HttpSchemaRegistry(registryOptions(cluster.registry, clock))
  const ask = async (check: string, address: string, reach: () => Promise<unknown>) => {
    try {
      await reach()
      return { check, verdict: 'ok' as const, detail: address }
    } catch (thrown) {
      return { check, verdict: 'wrong' as const, detail: messageOf(thrown) }
    }
  }
  const { kafka, registry: schemas, clickhouse } = cluster
  return Promise.all([
    ask('Kafka', kafka.bootstrapServers.join(', '), async () => {
      const log = await openOperatorLog(cluster, clock, probeLimits)
      await log.close()
    }),
    ask('schema registry', schemas.urls.map(withoutCredentials).join(', '), async () => {
      await registry.compatibilityLevel().finally(() => {
        registry.close()
      })
    }),
    ask('ClickHouse', withoutCredentials(clickhouse.url), async () => {
      const server = await openClickHouse(clickHouseOptions(clickhouse))
      await server.close()
    }),
  ])
}

function machine(): Finding {
  const free = freemem()
  const detail = `${availableParallelism()} cores, ${(free / gibibyte).toFixed(1)} GiB free`
  return free >= freeMemoryMin
    ? { check: 'machine', verdict: 'ok', detail }
    : { check: 'machine', verdict: 'note', detail: `${detail}; an instance takes up to 1 GiB` }
}

function dataDirectory(dataDir: string, running: InstanceFile | null): Finding {
  const check = 'data directory'
  const place = resolve(dataDir)
  if (running !== null) {
    return { check, verdict: 'ok', detail: `${place}, in use by process ${running.pid}` }
  }
  const existing = nearestExisting(place)
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
  } catch (thrown) {
    return {
      check,
      verdict: 'wrong',
      detail: `${existing} cannot be written to: ${messageOf(thrown)}; choose another with --data-dir`,
    }
  }
  const format = formatOf(place)
  if (format !== null && format > dataDirectoryFormat) {
    return {
      check,
      verdict: 'wrong',
      detail: `${place} has format ${format}, from a newer version; this one reads up to ${dataDirectoryFormat}`,
    }
  }
  return {
    check,
    verdict: 'ok',
    detail: existing === place ? place : `${place} will be made`,
  }
}

/** Null where there is no data directory yet, or its format cannot be read. */
function formatOf(dataDir: string): number | null {
  try {
    const content = JSON.parse(readFileSync(join(dataDir, 'FORMAT'), 'utf8')) as {
      format?: unknown
    }
    return typeof content.format === 'number' ? content.format : null
  } catch {
    return null
  }
}

function disk(dataDir: string): Finding {
  const { bavail, bsize } = statfsSync(nearestExisting(resolve(dataDir)))
  const free = bavail * bsize
  const detail = `${(free / gibibyte).toFixed(1)} GiB free`
  return free >= freeDiskMin
    ? { check: 'disk', verdict: 'ok', detail }
    : { check: 'disk', verdict: 'wrong', detail: `${detail}; an instance wants 1 GiB at least` }
}

async function topologies(names: readonly string[]): Promise<Finding> {
  try {
    const loaded = await loadTopologies(names)
    const detail = loaded.map(({ graph }) => graph.name).join(', ')
    return { check: 'topologies', verdict: 'ok', detail }
  } catch (thrown) {
    return { check: 'topologies', verdict: 'wrong', detail: messageOf(thrown) }
  }
}

async function ports(
  configuration: Configuration,
  running: InstanceFile | null,
): Promise<readonly Finding[]> {
  if (running !== null) return []
  const byDoor = portsOf(configuration.portOffset)
  return Promise.all(
    configuration.doors.map(async (name): Promise<Finding> => {
      const port = byDoor[name]
      const fault = await portFault(configuration.host, port)
      const check = `port ${port} (${name})`
      if (fault === null) return { check, verdict: 'ok', detail: 'free' }
      return { check, verdict: 'wrong', detail: `${fault}; shift all four with --port-offset N` }
    }),
  )
}

function portFault(host: string, port: number): Promise<string | null> {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', (thrown) => {
      done(messageOf(thrown))
    })
    probe.listen(port, host, () => {
      probe.close(() => {
        done(null)
      })
    })
  })
}

async function instance(running: InstanceFile | null): Promise<Finding> {
  const check = 'instance'
  if (running === null)
    return { check, verdict: 'note', detail: 'none runs here; npm start starts one' }
  try {
    const response = await fetch(`${running.urls.console}/readyz`)
    const detail = `process ${running.pid} at ${running.urls.console}: ${await response.text()}`
    return { check, verdict: response.ok ? 'ok' : 'wrong', detail }
  } catch (thrown) {
    const detail = `process ${running.pid} does not answer at ${running.urls.console}: ${messageOf(thrown)}`
    return { check, verdict: 'wrong', detail }
  }
}

function nearestExisting(path: string): string {
  let existing = path
  while (!existsSync(existing)) existing = dirname(existing)
  return existing
}
