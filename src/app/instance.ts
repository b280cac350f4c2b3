/**
 * An instance from start to stop: the one place that knows which adapters stand behind the ports.
 *
 * Order of start: data directory and log, schema registry, ClickHouse and its tables, topologies, sinks, doors.
 * Each step that fails undoes the ones before it. At a stop the doors take nothing more, and at once, side by side, the
 * tasks are committed and handed over and the sinks end: none waits for what hangs elsewhere. Then what they stand on is
 * closed; until then what a door has begun is kept.
 */
import { resolve } from 'node:path'
import { systemClock, type Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { InstanceStatus, InstanceUrls } from '../server/console/instance-status.ts'
import { LifeDoor } from '../server/console/life-door.ts'
import { lookAt } from './alerts/look-at.ts'
import { openAlerts } from './alerts/open-alerts.ts'
import { openAudit } from './audit.ts'
import type { Configuration } from './configuration.ts'
import { Cleanup } from './cleanup.ts'
import {
  foreignOffsets,
  outageOf,
  tellConditions,
  unreadPartitions,
  type Condition,
  type InstanceConditions,
} from './conditions.ts'
import { doorsOf, openDoors, type InstanceApps } from './doors.ts'
import { removeInstanceFile, writeInstanceFile } from './instance-file.ts'
import { IdleWaits } from './idle-waits.ts'
import { endpointOf } from './membership.ts'
import { sharedEndpoint, sharedEndpointMinMs } from './shared-endpoint.ts'
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
  const told: readonly Condition[] = Object.values(conditions)
  const remarks = [...told, ...remarksOf(services)]
  const alerts = openAlerts(configuration, services, onProgress)
  let state: InstanceStatus['state'] = 'starting'
  let trouble: string | null = null
  let urls: InstanceUrls = { console: '', registry: '', ingest: '', clickhouse: '' }
  const fixed = { startedAtMs, dataDir: resolve(configuration.dataDir), member }
  const status = () =>
    statusOf(services, { ...fixed, state, urls, trouble, alerts: alerts.status() }, told)
  const waits = idleWaits(services, clock)
  const whenIdle = (timeoutMs: number) => waits.whenIdle(timeoutMs)
  const life = new LifeDoor(member)
  const audit = openAudit(configuration, { clock, onProgress, cleanup: ground })
  const access = options.listen ? configuration.access : null
  const apps = doorsOf(services, configuration, { life, status, whenIdle, audit, access })
  if (options.listen) urls = await openDoors(apps, configuration, work)
  await services.keepManifests()
  state = 'running'
  work.add({ name: 'what is told', close: tellConditions(remarks, clock, onProgress) })
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

/** What is told, and keeps nothing from its work. */
function remarksOf({ clock, runtime, queryable, topologies }: Services): Condition[] {
  const names = topologies.map(({ graph }) => graph.name)
  const lasts = { forMs: sharedEndpointMinMs, nowMs: () => clock.monotonicMs() }
  return [foreignOffsets(() => runtime.status()), sharedEndpoint(names, queryable, lasts)]
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
function idleWaits({ runtime, consumers, failed }: Services, clock: Clock): IdleWaits {
  const settle = async (signal: AbortSignal) => {
    await runtime.whenIdle(signal)
    await Promise.all([...consumers.values()].map((consumer) => consumer.drain(signal)))
  }
  return new IdleWaits({ clock, settle, failed })
}
