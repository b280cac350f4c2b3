/**
 * ClickHouse's errors that pass by themselves, by its names: what failed was a machine, a connection or a moment, not the
 * statement. What it takes a person for is not among them, although it may look alike: TABLE_IS_PERMANENTLY_READ_ONLY,
 * ALL_REPLICAS_LOST, ASYNC_LOAD_FAILED, TOO_MANY_TABLES.
 */
const passing = {
  // The request, or what the server reads and writes for it, was cut.
  UNEXPECTED_END_OF_FILE: 3,
  CANNOT_READ_FROM_ISTREAM: 23,
  CANNOT_WRITE_TO_OSTREAM: 24,
  ATTEMPT_TO_READ_AFTER_EOF: 32,
  CANNOT_READ_ALL_DATA: 33,
  CANNOT_READ_FROM_FILE_DESCRIPTOR: 74,
  CANNOT_WRITE_TO_FILE_DESCRIPTOR: 75,
  CANNOT_FSYNC: 204,
  CANNOT_WRITE_AFTER_BUFFER_CANCELED: 734,
  // A gateway has sent the request a second time while the first was under way.
  QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: 216,

  // The network between the server and others.
  CANNOT_READ_FROM_SOCKET: 95,
  CANNOT_WRITE_TO_SOCKET: 96,
  DNS_ERROR: 198,
  NO_FREE_CONNECTION: 203,
  SOCKET_TIMEOUT: 209,
  NETWORK_ERROR: 210,
  ALL_CONNECTION_TRIES_FAILED: 279,
  EXTERNAL_SERVER_IS_NOT_RESPONDING: 410,
  POCO_EXCEPTION: 1000,

  // Too much to do, or no room for it.
  TIMEOUT_EXCEEDED: 159,
  TOO_SLOW: 160,
  CANNOT_ALLOCATE_MEMORY: 173,
  QUOTA_EXCEEDED: 201, // until the quota's interval is over
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  MEMORY_LIMIT_EXCEEDED: 241,
  NOT_ENOUGH_SPACE: 243,
  TOO_MANY_PARTS: 252, // until merges have caught up
  SYSTEM_ERROR: 425,
  CANNOT_SCHEDULE_TASK: 439,
  DEADLOCK_AVOIDED: 473,
  DISTRIBUTED_TOO_MANY_PENDING_BYTES: 574, // until the shards have taken what waits for them
  TOO_MANY_MUTATIONS: 692,
  USER_SESSION_LIMIT_EXCEEDED: 700,
  SERVER_OVERLOADED: 745,
  TCP_CONNECTION_LIMIT_REACHED: 749,
  HTTP_CONNECTION_LIMIT_REACHED: 762,
  RESOURCE_LIMIT_EXCEEDED: 776,
  MEMORY_RESERVATION_KILLED: 777,
  MEMORY_RESERVATION_FAILED: 778,

  // The server stops or starts, or somebody has ended the query.
  ABORTED: 236,
  QUERY_WAS_CANCELLED: 394,
  NOT_INITIALIZED: 667,
  THREAD_WAS_CANCELED: 677,
  ASYNC_LOAD_CANCELED: 696,
  ASYNC_LOAD_WAIT_FAILED: 722,
  TABLE_IS_BEING_RESTARTED: 733,
  QUERY_WAS_CANCELLED_BY_CLIENT: 735,
  SESSION_REFUSED: 763,

  // Replicas, and Keeper by which they agree.
  REPLICA_IS_ALREADY_ACTIVE: 224, // until the session of the server's former life is over
  NO_ZOOKEEPER: 225,
  TABLE_IS_READ_ONLY: 242, // the replica has lost Keeper
  UNEXPECTED_ZOOKEEPER_ERROR: 244,
  REPLICA_ALREADY_EXISTS: 253, // Keeper has the state of a table that was dropped for some minutes more
  NO_ACTIVE_REPLICAS: 254,
  TOO_MANY_RETRIES_TO_FETCH_PARTS: 255,
  NO_AVAILABLE_REPLICA: 265,
  TOO_FEW_LIVE_REPLICAS: 285,
  UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE: 286,
  REPLICA_IS_NOT_IN_QUORUM: 289,
  SHARD_HAS_NO_CONNECTIONS: 297,
  UNKNOWN_STATUS_OF_INSERT: 319, // rows are versioned: once more changes nothing
  BARRIER_TIMEOUT: 335,
  UNFINISHED: 341, // a statement that other replicas still work on
  ALL_REPLICAS_ARE_STALE: 369,
  PART_IS_TEMPORARILY_LOCKED: 384,
  REPLICA_STATUS_CHANGED: 416, // the replica has lost Keeper and found it again within the insert
  CANNOT_ASSIGN_ALTER: 517, // another one was faster
  NO_REMOTE_SHARD_AVAILABLE: 519,
  NOT_A_LEADER: 529,
  RAFT_ERROR: 568,
  DATABASE_REPLICATION_FAILED: 571,
  ZERO_COPY_REPLICATION_ERROR: 593,
  SERIALIZATION_ERROR: 650,
  UNKNOWN_STATUS_OF_TRANSACTION: 659,
  PART_IS_LOCKED: 738,
  TOO_MANY_UNAVAILABLE_SHARDS: 904,
  KEEPER_EXCEPTION: 999,

  // Storage that is a service, and the caches before it.
  RECEIVED_ERROR_FROM_REMOTE_IO_SERVER: 86,
  RECEIVED_ERROR_TOO_MANY_REQUESTS: 364,
  S3_ERROR: 499,
  AZURE_BLOB_STORAGE_ERROR: 500,
  HDFS_ERROR: 660,
  AWS_ERROR: 693,
  GCP_ERROR: 707,
  GOOGLE_CLOUD_ERROR: 737,
  CACHE_CANNOT_WRITE_TO_CACHE_DISK: 771,
  DISTRIBUTED_CACHE_ERROR: 900,
  DISTRIBUTED_CACHE_REGISTRY_SHUTDOWN: 903,
} as const

export const passingCodes: ReadonlyMap<number, string> = new Map(
  Object.entries(passing).map(([name, code]) => [code, name]),
)

/** More inserts make it worse: parts wait to be merged, and each insert is a part. */
export const tooManyParts = passing.TOO_MANY_PARTS
