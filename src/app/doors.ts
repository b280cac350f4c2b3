/** The doors of an instance, each with who may come in at it, and the ports they listen on. */
import type { Hono } from 'hono'
import { assert } from '../core/assert.ts'
import { RecordReader } from '../jobs/tail/shown-record.ts'
import { accessOfDefault, type Access } from '../server/access/access.ts'
import { guarded } from '../server/access/guarded.ts'
import { routesWithoutRule, type Door } from '../server/access/roles.ts'
import { clickhouseApp } from '../server/clickhouse/clickhouse-app.ts'
import { consoleApp, type ConsoleServices } from '../server/console/console-app.ts'
import type { InstanceUrls } from '../server/console/instance-status.ts'
import { jobsApp } from '../server/console/jobs-app.ts'
import type { LifeDoor } from '../server/console/life-door.ts'
import { recordsApp } from '../server/console/records-app.ts'
import { ingestApp, type IngestAppOptions } from '../server/ingest/ingest-app.ts'
import { listen, type Listener } from '../server/listen.ts'
import { queriesApp } from '../server/queries/queries-app.ts'
import { registryApp } from '../server/registry/registry-app.ts'
import type { AccessConfiguration } from './access/access-configuration.ts'
import { accessOf, peerHeaders } from './access/authorization.ts'
import type { Audit } from './audit.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import { portsOf } from './ports.ts'
import type { Services } from './services.ts'

export interface InstanceApps {
  readonly console: Hono
  readonly registry: Hono
  readonly ingest: Hono
  readonly clickhouse: Hono
}

interface DoorsOptions extends Pick<ConsoleServices, 'status' | 'whenIdle'> {
  readonly life: LifeDoor
  readonly audit: Audit
  /** Null: whoever reaches a door may do what it does. */
  readonly access: AccessConfiguration | null
}

/** How long running requests get to end at a stop. */
const requestGraceMs = 2_000

export function doorsOf(
  services: Services,
  configuration: Configuration,
  options: DoorsOptions,
): InstanceApps {
  const { audit } = options
  const access = options.access === null ? null : accessOf(options.access)
  const console = consoleDoor(services, configuration, options)
  const registry = registryApp(services.registry)
  const ingest = ingestApp(doorOptions(services, configuration))
  const sql = clickhouseApp(services.clickhouse, { onStatement: audit.onStatement })
  for (const [door, app] of Object.entries({ console, registry, ingest, sql })) {
    const open = routesWithoutRule(door as Door, app.routes)
    assert(
      open.length === 0,
      `each route has a rule who may ask for it, and not ${open.join(', ')}`,
    )
  }
  const guard = (door: Door, app: Hono, who: Access | null = access) =>
    who === null ? app : guarded(app, { door, access: who, audit })
  return {
    console: guard('console', audit.door('console', console)),
    registry: guard('registry', audit.door('registry', registry)),
    ingest: guard('ingest', ingest),
    // ClickHouse has a user in any case.
    clickhouse: guard('sql', sql, access ?? accessOfDefault),
  }
}

/** The console and, on the same port, the interactive queries. */
function consoleDoor(
  services: Services,
  configuration: Configuration,
  { life, status, whenIdle }: DoorsOptions,
): Hono {
  const app = consoleApp({
    status,
    describe: (name) => services.describe(name),
    whenIdle,
    redrive: (request) => services.redrive(request),
    replays: () => services.replays.look(),
  })
  const { queries: local, queryable: runtime, clock } = services
  app.route('/', queriesApp({ local, runtime, clock, headers: peerHeaders(configuration) }))
  app.route('/', life.app)
  const reader = new RecordReader(services.registry)
  app.route('/', recordsApp({ log: services.doorLog, reader }))
  app.route('/', jobsApp(services))
  return app
}

function doorOptions(services: Services, configuration: Configuration): IngestAppOptions {
  const { ingest, registry, doorLog: log, clock } = services
  const { bodyBytesMax, recordBytesMax } = configuration
  return {
    ingest,
    registry,
    log,
    clock,
    limits: { bodyBytesMax, recordBytesMax },
    backPressure: () => {
      const pressure = services.backPressure()
      return pressure === null ? null : { reason: 'ClickHouse is behind', ...pressure }
    },
  }
}

export async function openDoors(
  apps: InstanceApps,
  { host, portOffset, doors: wanted }: Configuration,
  work: Cleanup,
): Promise<InstanceUrls> {
  const ports = portsOf(portOffset)
  const doors: [keyof InstanceApps, string][] = [
    ['console', 'console'],
    ['registry', 'schema registry'],
    ['ingest', 'ingest'],
    ['clickhouse', 'ClickHouse endpoint'],
  ]
  const listeners = new Map<keyof InstanceApps, Listener>()
  for (const [door, name] of doors) {
    if (!wanted.includes(door)) continue
    const listener = await listen(apps[door], { name, host, port: ports[door] })
    listeners.set(door, listener)
    work.add({ name: `the ${name} door`, close: () => listener.close(requestGraceMs) })
  }
  const url = (door: keyof InstanceApps) => listeners.get(door)?.url ?? ''
  return {
    console: url('console'),
    registry: url('registry'),
    ingest: url('ingest'),
    clickhouse: url('clickhouse'),
  }
}
