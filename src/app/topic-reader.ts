/**
 * Reading topics from outside: through the instance that runs on the data directory; on a cluster straight from the
 * brokers, without becoming a member of anything; else through an instance opened for it.
 */
import { systemClock, type Clock } from '../core/clock.ts'
import { errorTable, TidemarkError, type ErrorCode } from '../core/errors.ts'
import { readRecords, type RecordsPage, type RecordsRequest } from '../jobs/tail/read-records.ts'
import { RecordReader } from '../jobs/tail/shown-record.ts'
import { HttpSchemaRegistry } from '../schema/http-schema-registry.ts'
import { recordsPath } from '../server/console/records-app.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import { registryOptions } from './cluster-options.ts'
import type { Configuration } from './configuration.ts'
import { openOperatorLog } from './inspect.ts'
import { connectInstance, type InstanceClient } from './instance-client.ts'
import { readInstanceFile } from './instance-file.ts'

export interface TopicReader {
  /** @throws TidemarkError TOPIC_UNKNOWN | ACCESS_REFUSED | INSTANCE_NOT_RUNNING | KAFKA_UNREACHABLE | REGISTRY_UNREACHABLE */
  read(request: RecordsRequest): Promise<RecordsPage>
  close(): Promise<void>
}

export async function openTopicReader(configuration: Configuration): Promise<TopicReader> {
  const { cluster, dataDir } = configuration
  if (cluster !== null && readInstanceFile(dataDir) === null) return clusterReader(cluster)
  const client = await connectInstance(configuration)
  return {
    read: (request) => readThrough(client, request),
    close: () => client.close(),
  }
}

async function clusterReader(
  cluster: ClusterConfiguration,
  clock: Clock = systemClock,
): Promise<TopicReader> {
  const log = await openOperatorLog(cluster, clock)
  const registry = new HttpSchemaRegistry(registryOptions(cluster.registry, clock))
  const source = { log, reader: new RecordReader(registry) }
  return {
    read: (request) => readRecords(source, request),
    close: async () => {
      registry.close()
      await log.close()
    },
  }
}

async function readThrough(client: InstanceClient, request: RecordsRequest): Promise<RecordsPage> {
  const { signal } = request
  let response: Response
  try {
    response = await client.console(recordsPath(request), signal === undefined ? {} : { signal })
  } catch (cause) {
    if (signal?.aborted === true || cause instanceof TidemarkError) throw cause
    throw new TidemarkError('INSTANCE_NOT_RUNNING', 'the instance does not answer any more', {
      cause,
    })
  }
  if (response.ok) return (await response.json()) as RecordsPage
  const { error, code } = (await response.json()) as { error: string; code?: string }
  const isKnown = code !== undefined && code in errorTable
  throw new TidemarkError(isKnown ? (code as ErrorCode) : 'REQUEST_INVALID', error)
}
