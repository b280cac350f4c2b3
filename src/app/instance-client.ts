/**
 * Commands speak to an instance through its own HTTP interfaces: to one that runs on the data directory over
 * loopback, or else to one opened in this process for the command, by plain calls and without any port.
 */
import { commandHeaders, refuseRefused } from './access/authorization.ts'
import type { Configuration } from './configuration.ts'
import { readInstanceFile } from './instance-file.ts'
import { TidemarkError } from '../core/errors.ts'
import type { InstanceStatus, InstanceUrls } from '../server/console/instance-status.ts'
import type { IngestPort } from '../sources/ingest-port.ts'
import { noAnswer } from '../sources/no-answer.ts'
import { RemoteIngest } from '../sources/remote-ingest.ts'

/** How long one look for idleness waits; there may be many. */
const settleStepMs = 30_000

type Send = (path: string, init?: RequestInit) => Promise<Response>

export interface InstanceClient {
  /** False where the instance was opened by this command and ends with it. */
  readonly isRemote: boolean
  readonly console: Send
  readonly registry: Send
  readonly ingest: Send
  readonly clickhouse: Send
  /** The way in for sources: records with their keys, times and origins. */
  readonly port: IngestPort
  /** Whether everything ingested before the call is queryable; waits as long as it takes. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** @throws TidemarkError DATA_DIR_IN_USE where an instance has the directory and does not answer yet, and what opening
 * one throws */
export async function connectInstance(configuration: Configuration): Promise<InstanceClient> {
  const running = readInstanceFile(configuration.dataDir)
  if (running !== null) {
    const own = commandHeaders(configuration)
    const over =
      (base: string, absent: string): Send =>
      async (path, init) => {
        if (base === '') throw new TidemarkError('REQUEST_INVALID', absent)
        const headers = new Headers(init?.headers)
        for (const [name, value] of Object.entries(own)) headers.set(name, value)
        const response = await fetch(`${base}${path}`, { ...init, headers }).catch(
          (thrown: unknown) => {
            if (init?.signal?.aborted === true) throw thrown
            throw noAnswer(`the instance at ${base}`, thrown)
          },
        )
        await refuseRefused(response)
        return response
      }
    const console = over(running.urls.console, noDoor('console'))
    return {
      isRemote: true,
      console,
      registry: over(running.urls.registry, noDoor('registry', 'registry.url')),
      ingest: over(running.urls.ingest, noDoor('ingest')),
      clickhouse: over(running.urls.clickhouse, noDoor('clickhouse', 'clickhouse.url')),
      port: new RemoteIngest({ url: running.urls.ingest, headers: own }),
      settle: () => settleRemote(console, running.urls.console),
      close: () => Promise.resolve(),
    }
  }
  // Loaded only here: the engines behind it are large, and a command that finds an instance needs none.
  const { openInstance } = await import('./instance.ts')
  // Nobody else waits for facts here.
  const ownUse = { ...configuration, bulkDelayMaxMs: 0 }
  const instance = await openInstance(ownUse, { listen: false }).catch((thrown: unknown) => {
    throw explainHolder(thrown)
  })
  const inside =
    (app: { request(path: string, init?: RequestInit): Response | Promise<Response> }): Send =>
    async (path, init) =>
      app.request(path, init)
  return {
    isRemote: false,
    console: inside(instance.apps.console),
    registry: inside(instance.apps.registry),
    ingest: inside(instance.apps.ingest),
    clickhouse: inside(instance.apps.clickhouse),
    port: instance.services.ingest,
    settle: async () => {
      while (!(await instance.whenIdle(settleStepMs)));
    },
    close: () => instance.stop(),
  }
}

/** @param setting of the server that answers instead on a cluster */
function noDoor(name: keyof InstanceUrls, setting?: string): string {
  const instead = setting === undefined ? '' : `; on a cluster ask the server of ${setting} itself`
  return `the instance that runs on this data directory has no ${name} door${instead}`
}

/** Whoever asked an instance that is starting is not to stop it. */
function explainHolder(thrown: unknown): unknown {
  if (!(thrown instanceof TidemarkError) || thrown.code !== 'DATA_DIR_IN_USE') return thrown
  const { directory, pid } = thrown.details
  // The engine under the directory has its own words.
  if (directory === undefined) return thrown
  const holder = typeof pid === 'number' ? `process ${pid}` : 'another process'
  const message =
    `data directory ${directory} is in use by ${holder}, which does not answer yet: an instance is starting or ` +
    'stopping there, or another command is at work; wait until it is done and try again'
  return new TidemarkError('DATA_DIR_IN_USE', message, { details: thrown.details, cause: thrown })
}

/** @throws TidemarkError INSTANCE_NOT_RUNNING where it ends, or its connection does, before that */
async function settleRemote(console: Send, url: string): Promise<void> {
  try {
    while (!(await isIdle(console)));
  } catch (thrown) {
    const failure =
      thrown instanceof TidemarkError ? thrown : noAnswer(`the instance at ${url}`, thrown)
    if (failure.code !== 'INSTANCE_NOT_RUNNING') throw failure
    const message = `${failure.message}; ${afterTheWait}`
    throw new TidemarkError(failure.code, message, { details: failure.details, cause: thrown })
  }
}

const afterTheWait =
  'what it had acknowledged is kept, and its facts are queryable once an instance runs again (tidemark up)'

async function isIdle(console: Send): Promise<boolean> {
  const response = await console(`/api/idle?timeout_ms=${settleStepMs}`)
  // One that has failed has no answer to this, and says why in its status.
  const { idle } = response.ok ? ((await response.json()) as { idle: boolean }) : { idle: false }
  if (idle) return true
  const status = (await (await console('/api/status')).json()) as InstanceStatus
  if (status.state === 'running') return false
  const why = status.trouble === null ? '' : `: ${status.trouble}`
  throw new TidemarkError('INSTANCE_NOT_RUNNING', `the instance is ${status.state}${why}`)
}
