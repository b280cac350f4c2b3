/** The times of a group. */
export interface GroupSettings {
  /** A member that is not heard of for this long is out of the group. At least the broker's
   * `group.min.session.timeout.ms`, 6 seconds by default. */
  readonly sessionTimeoutMs: number
  /** How soon a member learns of a rebalance, and with that how long a hand-over takes. */
  readonly heartbeatIntervalMs: number
  /** How long the group waits for a member to let go of its partitions and join again. */
  readonly rebalanceTimeoutMs: number
  /** How often the leader looks for topics that were created, deleted or got more partitions. */
  readonly topicsIntervalMs: number
}

/** Heartbeats come from a thread that does not process, so a session may be shorter than Kafka's 45 seconds. */
export const defaultGroupSettings: GroupSettings = {
  sessionTimeoutMs: 10_000,
  heartbeatIntervalMs: 300,
  rebalanceTimeoutMs: 60_000,
  topicsIntervalMs: 10_000,
}
