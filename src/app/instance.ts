/**
 * An instance from start to stop: the one place that knows which adapters stand behind the ports.
 *
 * Order of start: data directory and log, schema registry, ClickHouse and its tables, topologies, sinks, doors.
 * Each step that fails undoes the ones before it. At a stop the doors take nothing more, and at once, side by side, the
 * tasks are committed and handed over and the sinks end: none waits for what hangs elsewhere. Then what they stand on is
 * closed; until then what a door has begun is kept.
 */
import type { Hono } from 'hono'
import { resolve } from 'node:path'
import { pause, systemClock, type Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { RecordReader } from '../jobs/tail/shown-record.ts'
import { clickhouseApp } from '../server/clickhouse/clickhouse-app.ts'
import { consoleApp, type ConsoleServices } from '../server/console/console-app.ts'
import type { InstanceStatus, InstanceUrls } from '../server/console/instance-status.ts'
import { LifeDoor } from '../server/console/life-door.ts'
import { recordsApp } from '../server/console/records-app.ts'
import { jobsApp } from '../server/console/jobs-app.ts'
import { ingestApp, type IngestAppOptions } from '../server/ingest/ingest-app.ts'
import { listen, type Listener } from '../server/listen.ts'
import { queriesApp } from '../server/queries/queries-app.ts'
import { registryApp } from '../server/registry/registry-app.ts'
import { lookAt } from './alerts/look-at.ts'
import { openAlerts } from './alerts/open-alerts.ts'
import { openAudit, type Audit } from './audit.ts'
import type { Configuration } from './configuration.ts'
import { Cleanup } from './cleanup.ts'
import {
  outageOf,
  tellConditions,
  unreadPartitions,
  type InstanceConditions,
} from './conditions.ts'
import { removeInstanceFile, writeInstanceFile } from './instance-file.ts'
import { endpointOf } from './membership.ts'
import { portsOf } from './ports.ts'
import { openServices, type Services } from './services.ts'
import { statusOf } from './status.ts'
import { productVersion } from './version.ts'

export interface InstanceOptions {
  /** False: no port is opened; the doors are called in process. */
  readonly listen: boolean
  readonly clock?: Clock
  /** A line for the operator: what a start waits for. */
  readonly onProgress?: (line: string) => void
  /** Aborted: the start waits for no server any more. */
  readonly signal?: AbortSignal
}

export interface InstanceApps {
  readonly console: Hono
  readonly registry: Hono
  readonly ingest: Hono
  readonly clickhouse: Hono
}

export interface Instance {
  readonly apps: InstanceApps
  readonly services: Services
  readonly urls: InstanceUrls
  status(): InstanceStatus
  /** True when everything ingested before the call is queryable; false when the time is over. */
  whenIdle(timeoutMs: number): Promise<boolean>
  /** Rejects when the instance cannot go on; otherwise never settles. */
  readonly failed: Promise<never>
  /** Finishes and commits what is in hand, then closes everything. */
  stop(): Promise<void>
}

/** How long running requests get to end at a stop. */
const requestGraceMs = 2_000

/** @throws TidemarkError of whatever stands in the way, after everything opened so far is closed */
export async function openInstance(
  configuration: Configuration,
  options: InstanceOptions,
): Promise<Instance> {
  const { clock = systemClock, onProgress = () => {} } = options
  const cleanup = new Cleanup({ clock, onOverdue: onProgress })
  try {
    return await open(configuration, options, cleanup)
  } catch (thrown) {
    // What stood in the way counts, not what closing after it says.
    await cleanup.run().catch((failure: unknown) => {
      onProgress(messageOf(failure))
    })
    throw thrown
  }
}

async function open(
  configuration: Configuration,
  options: InstanceOptions,
  cleanup: Cleanup,
): Promise<Instance> {
  const { clock = systemClock, onProgress = () => {} } = options
  const startedAtMs = clock.nowMs()
  const ground = cleanup.together()
  const work = cleanup.together()
  const services = await openServices(configuration, {
    clock,
    cleanup: { ground, work },
    onProgress,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const member = memberStatus(configuration, services)
  const conditions = conditionsOf(services, member)
  const told = Object.values(conditions)
  const alerts = openAlerts(configuration, services, onProgress)
  let state: InstanceStatus['state'] = 'starting'
  let trouble: string | null = null
  let urls: InstanceUrls = { console: '', registry: '', ingest: '', clickhouse: '' }
  const fixed = { startedAtMs, dataDir: resolve(configuration.dataDir), member }
  const status = () =>
    statusOf(services, { ...fixed, state, urls, trouble, alerts: alerts.status() }, told)
  const whenIdle = (timeoutMs: number) => untilIdle(services, clock, timeoutMs)
  const life = new LifeDoor(member)
  const audit = openAudit(configuration, { clock, onProgress, cleanup: ground })
  const console = consoleDoor(services, life, { status, whenIdle })
  const apps = doorsOf(services, configuration, console, audit)
  if (options.listen) urls = await openDoors(apps, configuration, work)
  await services.keepManifests()
  state = 'running'
  work.add({ name: 'what is told', close: tellConditions(told, clock, onProgress) })
  work.add({ name: 'alerts', close: alerts.watch(lookAt(services, status, conditions)) })
  const failed = services.failed.catch((thrown: unknown) => {
    state = 'failed'
    trouble = messageOf(thrown)
    alerts.tellNow()
    throw thrown
  })
  failed.catch(() => {})
  if (options.listen) announce(configuration.dataDir, urls, startedAtMs, cleanup)
  return {
    apps,
    services,
    urls,
    status,
    whenIdle,
    failed,
    stop: async () => {
      if (state !== 'failed') state = 'stopping'
      life.leave()
      await cleanup.run()
    },
  }
}

function doorsOf(
  services: Services,
  configuration: Configuration,
  console: Hono,
  audit: Audit,
): InstanceApps {
  return {
    console: audit.door('console', console),
    registry: audit.door('registry', registryApp(services.registry)),
    ingest: ingestApp(doorOptions(services, configuration)),
    clickhouse: clickhouseApp(services.clickhouse, { onStatement: audit.onStatement }),
  }
}

/** The console and, on the same port, the interactive queries. */
function consoleDoor(
  services: Services,
  life: LifeDoor,
  { status, whenIdle }: Pick<ConsoleServices, 'status' | 'whenIdle'>,
): Hono {
  const app = consoleApp({
    status,
    describe: (name) => services.describe(name),
    whenIdle,
    redrive: (request) => services.redrive(request),
  })
  const { queries: local, queryable: runtime, clock } = services
  app.route('/', queriesApp({ local, runtime, clock }))
  app.route('/', life.app)
  const reader = new RecordReader(services.registry)
  app.route('/', recordsApp({ log: services.doorLog, reader }))
  app.route('/', jobsApp(services))
  return app
}

function memberStatus(
  configuration: Configuration,
  { member }: Services,
): InstanceStatus['member'] {
  const { cluster } = configuration
  if (cluster === null || member === null) return null
  return {
    ...member,
    applicationId: cluster.applicationId,
    endpoint: endpointOf(configuration, cluster),
    brokers: cluster.kafka.bootstrapServers,
  }
}

/** One process alone has no brokers, and its log's topics are its own. */
function conditionsOf(
  { log, clock, runtime }: Services,
  member: InstanceStatus['member'],
): InstanceConditions {
  if (member === null) return {}
  return {
    outage: outageOf(log, clock, member.brokers),
    unreadPartitions: unreadPartitions(() => runtime.status()),
  }
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

async function openDoors(
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

function announce(
  dataDir: string,
  urls: InstanceUrls,
  startedAtMs: number,
  cleanup: Cleanup,
): void {
  writeInstanceFile(dataDir, { pid: process.pid, version: productVersion, startedAtMs, urls })
  const close = () => {
    removeInstanceFile(dataDir)
    return Promise.resolve()
  }
  cleanup.add({ name: 'the note of this instance', close })
}

/** Idle: every task has processed what is in the log, and every fact that follows from it is queryable. */
async function untilIdle(services: Services, clock: Clock, timeoutMs: number): Promise<boolean> {
  const settle = async () => {
    await services.runtime.whenIdle()
    await Promise.all([...services.consumers.values()].map((consumer) => consumer.drain()))
    return true
  }
  const over = new AbortController()
  try {
    return await Promise.race([
      settle(),
      services.failed,
      pause(clock, timeoutMs, over.signal).then(() => false),
    ])
  } finally {
    over.abort()
  }
}
