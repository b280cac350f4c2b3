/**
 * What an instance stands on: log, state, registry, ClickHouse. Who gets a foundation does not know which profile it is
 * of.
 */
import type { Clock } from '../core/clock.ts'
import type { FactTable } from '../core/fact-table.ts'
import type { StateBackend } from '../core/state.ts'
import type { Log } from '../log/log.ts'
import type { LogAdmin } from '../log/log-admin.ts'
import type { StoredLog } from '../log/stored-log.ts'
import type { StateFrom } from '../runtime/standby/open-cursors.ts'
import type { SchemaRegistry } from '../schema/schema-registry.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import type { FactConsumerOptions } from '../sinks/fact-consumer-options.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import type { Cleanup } from './cleanup.ts'
import type { Configuration } from './configuration.ts'
import type { MetaRecords } from './meta-records.ts'
import type { LoadedTopology } from './topologies.ts'

export type Profile = 'embedded' | 'cluster'

export interface Foundation {
  readonly profile: Profile
  readonly log: Log
  /** The same, for those whom a request waits for: it answers in time. */
  readonly doorLog: Log
  /** Null where the log is this process's own. */
  readonly admin: LogAdmin | null
  /** The log where it is this process's own, and can be written over; else null. */
  readonly ownLog: StoredLog | null
  readonly state: StateBackend
  readonly registry: SchemaRegistry
  /** True of a schema that is registered, as was heard of before: it need not be asked for. */
  readonly knowsSchema: (subject: string, schema: object) => boolean
  readonly clickhouse: ClickHouse
  readonly meta: MetaRecords
  /** How this instance is known among others; null where there are none. */
  readonly member: MemberIdentity | null
  /** As `ClusterOptions`; null where this process is the only one. */
  readonly endTransactionsOf: ((instanceId: string) => Promise<void>) | null
  /** The high bits of the facts' versions; asked once the tables and the fact topics exist. */
  readonly factEpochs: (tables: readonly FactTable[]) => Promise<FactConsumerOptions['epoch']>
  /** Where ClickHouse has lost them: whoever starts later is to use the same. */
  readonly keepFactEpochs: (
    tables: readonly FactTable[],
    epochs: FactConsumerOptions['epoch'],
  ) => Promise<void>
  /** One bounded step of the log's upkeep; true where more is to be done at once. */
  readonly maintain: (graphs: readonly TopologyGraph[]) => Promise<boolean>
  /** What a person should mend though work goes on; null while there is nothing. */
  readonly trouble: () => string | null
}

export interface MemberIdentity {
  readonly instanceId: string
  readonly groupInstanceId: string | null
  /** As `ClusterOptions`. */
  readonly stateFrom?: StateFrom
}

export interface FoundationOptions {
  readonly clock: Clock
  /** Closed once nothing works on it any more. */
  readonly cleanup: Cleanup
  readonly topologies: readonly LoadedTopology[]
  /** A line for the operator: what a start waits for, what is not as it should be. */
  readonly onProgress: (line: string) => void
  /** Aborted: nothing is waited for any more. */
  readonly signal?: AbortSignal
}

/** Of the one budget, what the stores' caches of decoded values get; the rest is RocksDB's. */
export function cacheBytesOf({ memoryBudgetBytes }: Configuration): number {
  return Math.floor(memoryBudgetBytes / 6)
}
