/** The name under which an instance is known to Kafka, stable over restarts: transactions are fenced by it. */
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { present } from '../core/assert.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'

/** As configured, or the static member's name, or one that the data directory keeps. */
export function instanceIdentity(
  { instanceId, groupInstanceId }: Pick<ClusterConfiguration, 'instanceId' | 'groupInstanceId'>,
  dataDir: string,
): string {
  return instanceId ?? groupInstanceId ?? keptIdentity(dataDir)
}

function keptIdentity(dataDir: string): string {
  const path = join(dataDir, 'instance-id')
  try {
    const kept = readFileSync(path, 'utf8').trim()
    if (/^[0-9a-f-]{36}$/.test(kept)) return kept
  } catch {
    // None yet.
  }
  const identity = randomUUID()
  mkdirSync(dataDir, { recursive: true })
  const aside = `${path}.${process.pid}`
  writeFileSync(aside, `${identity}\n`)
  renameSync(aside, path)
  return identity
}

/** As brokers and the members of its groups see an instance. */
export function clientIdOf(applicationId: string, instanceId: string): string {
  return `${applicationId}-${instanceId}`
}

/**
 * `<application>-<instance>-<lane>`: the transactional id that the tasks of a lane share. A task's lane follows from its
 * name, so that it is the same after a restart.
 */
export function transactionalIds(
  applicationId: string,
  instanceId: string,
  lanes: number,
): (taskId: string) => string {
  const all = allTransactionalIds(applicationId, instanceId, lanes)
  return (taskId) => {
    const lane = createHash('sha256').update(taskId).digest().readUInt32BE() % lanes
    return present(all[lane], `lane ${lane}`)
  }
}

/** Of any instance of the application. */
export function allTransactionalIds(
  applicationId: string,
  instanceId: string,
  lanes: number,
): readonly string[] {
  return Array.from({ length: lanes }, (_, lane) => `${applicationId}-${instanceId}-${lane}`)
}
