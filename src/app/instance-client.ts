/**
 * Commands speak to an instance through its own HTTP interfaces: to one that runs on the data directory over
 * loopback, or else to one opened in this process for the command, by plain calls and without any port.
 */
import type { Configuration } from './configuration.ts'
import { readInstanceFile } from './instance-file.ts'
import { openInstance } from './instance.ts'

type Send = (path: string, init?: RequestInit) => Promise<Response>

export interface InstanceClient {
  /** False where the instance was opened by this command and ends with it. */
  readonly isRemote: boolean
  readonly console: Send
  readonly registry: Send
  readonly ingest: Send
  readonly clickhouse: Send
  close(): Promise<void>
}

export async function connectInstance(configuration: Configuration): Promise<InstanceClient> {
  const running = readInstanceFile(configuration.dataDir)
  if (running !== null) {
    const over =
      (base: string): Send =>
      (path, init) =>
        fetch(`${base}${path}`, init)
    return {
      isRemote: true,
      console: over(running.urls.console),
      registry: over(running.urls.registry),
      ingest: over(running.urls.ingest),
      clickhouse: over(running.urls.clickhouse),
      close: () => Promise.resolve(),
    }
  }
  const instance = await openInstance(configuration, { listen: false })
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
    close: () => instance.stop(),
  }
}
