/** How an instance takes part in a cluster. The names are Kafka Streams'. */
import { TidemarkError } from '../core/errors.ts'
import type { StateFrom } from './standby/open-cursors.ts'

export interface ClusterOptions {
  /** The same after a restart, where its state is the same. */
  readonly instanceId: string
  /** The address at which interactive queries are answered, as others reach it; null where they are not. */
  readonly endpoint: string | null
  readonly rack?: string
  readonly numStandbyReplicas: number
  readonly maxWarmupReplicas: number
  /** In changelog offsets: a state that lacks no more may take its task over at once. */
  readonly acceptableRecoveryLag: number
  /** Default 10 minutes. */
  readonly probingRebalanceIntervalMs?: number
  /** Makes the members static (KIP-345): the pod's ordinal. */
  readonly groupInstanceId?: string
  /**
   * Ends what a process that is gone, or an earlier start of this one, has left open in the log: until then what it had
   * not committed is waited for. It may be called by several members, and for a process that has ended nothing.
   */
  readonly endTransactionsOf?: (instanceId: string) => Promise<void>
  /** Facts outlive a reset, and their records of before it are not state any more. Absent: none was there. */
  readonly stateFrom?: StateFrom
  /** Threads that run tasks; a share of the tasks goes by it. Default 1. */
  readonly capacity?: number
}

/** @throws TidemarkError CONFIGURATION_INVALID */
export function checkClusterOptions(options: ClusterOptions): ClusterOptions {
  const { numStandbyReplicas, maxWarmupReplicas, acceptableRecoveryLag, capacity = 1 } = options
  const numbers = { numStandbyReplicas, maxWarmupReplicas, acceptableRecoveryLag, capacity }
  for (const [name, value] of Object.entries(numbers)) {
    const least = name === 'maxWarmupReplicas' || name === 'capacity' ? 1 : 0
    if (Number.isSafeInteger(value) && value >= least) continue
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      `${name} is ${value}: use a whole number, ${least} or more`,
      { details: { name, value } },
    )
  }
  return options
}
