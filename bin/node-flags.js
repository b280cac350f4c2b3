/**
 * How Node is run. The heap of each thread is kept small on purpose: what grows with the data lives in RocksDB and
 * ClickHouse, and a heap that may grow takes what the machine has before it collects.
 */
export const nodeFlags = [
  '--max-old-space-size=320',
  '--max-semi-space-size=16',
  // Without it V8 lets a heap of this size grow by half of what lives before it marks all of it again, all the time
  // and on every core: half of the processor time of a full load.
  '--heap-growing-percent=150',
  // `process.execve`, by which the bin starts Node with these flags without a process more.
  '--disable-warning=ExperimentalWarning',
]

/** Of the process, where the user has not set them. */
export const environmentDefaults = {
  // RocksDB and ClickHouse both work in libuv's pool; its four threads would let one wait for the other.
  UV_THREADPOOL_SIZE: '8',
  // glibc would keep memory back for each of the many threads of both.
  MALLOC_ARENA_MAX: '2',
}
