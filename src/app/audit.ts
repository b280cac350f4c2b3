/** What the doors and the commands of an instance record of who asked what. */
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Hono } from 'hono'
import { systemClock, type Clock } from '../core/clock.ts'
import { openAuditLog, type AuditLog } from '../server/audit/audit-log.ts'
import { audited } from '../server/audit/audited.ts'
import type { AskedStatement } from '../server/clickhouse/clickhouse-app.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'

export interface Audit {
  /** The same door, whose requests that may change something are recorded. */
  door(name: 'console' | 'registry', app: Hono): Hono
  readonly onStatement: (statement: AskedStatement) => void
  readonly record: AuditLog['record']
}

const recorded = {
  // Others are questions that one instance asks another for its stores.
  console: (_: string, path: string) => path.startsWith('/api/'),
  // Clients look schemas up and compare them by POST.
  registry: (method: string, path: string) =>
    method !== 'POST' || /^\/subjects\/[^/]+\/versions$/.test(path),
}

interface AuditOptions {
  readonly clock: Clock
  readonly onProgress: (line: string) => void
  readonly cleanup: Cleanup
}

export function openAudit(
  { dataDir }: Configuration,
  { clock, onProgress, cleanup }: AuditOptions,
): Audit {
  const audit = openAuditLog({ dataDir, clock, onFailure: onProgress })
  cleanup.add({ name: 'the audit log', close: () => audit.close() })
  return {
    door: (name, app) =>
      audited(app, { audit, door: name, isRecorded: recorded[name], withBody: name === 'console' }),
    onStatement: ({ user, address, sql, failure }) => {
      audit.record({ door: 'sql', user, address, asked: sql ?? '', outcome: failure ?? 'ok' })
    },
    record: (entry) => {
      audit.record(entry)
    },
  }
}

/** Of a command that works on the data directory while no instance does. Where there is none yet, there is nothing to
 * change. */
export async function auditCommand(
  dataDir: string,
  name: string,
  flags: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (!existsSync(dataDir)) return
  const onFailure = (line: string) => process.stderr.write(`${line}\n`)
  const audit = openAuditLog({ dataDir, clock: systemClock, onFailure })
  const user = userInfo().username
  const asked = `tidemark ${name}`
  audit.record({ door: 'command', user, address: null, asked, request: flags, outcome: 'begun' })
  await audit.close()
}
