import type { Benchmark } from './benchmark.ts'

const broker = 'Java 17 or newer and Maven, which fetches Kafka once'

export const benchmarks: Readonly<Record<string, Benchmark>> = {
  embedded: {
    measures:
      'answers through the ingest door to queryable facts, at 1 and 2 workers: throughput, freshness at half of it, memory; against the ClickHouse engine and RocksDB by themselves',
    records: { of: 'answers', count: 1_000_000 },
    load: async () => (await import('./embedded/embedded.ts')).runEmbedded,
  },
  kafka: {
    measures:
      'answers a second and latencies on a broker, exactly once; against Java Kafka Streams and @kafkats/flow on the same broker and input',
    needs: broker,
    records: { of: 'answers', count: 1_000_000 },
    rounds: 'turns of each contender',
    load: async () => (await import('./kafka/kafka.ts')).runKafka,
  },
  drops: {
    measures:
      'files dropped into a folder to queryable rows and a Parquet file of each; against the ClickHouse engine by itself, and against many times as many files',
    records: { of: 'files', count: 999 },
    times: 'files of the largest run, as a multiple',
    load: async () => (await import('./drops/drops.ts')).runDrops,
  },
  import: {
    measures:
      'OULAD’s clicks from their file to queryable facts, and how fresh clicks are that come in meanwhile; against the ClickHouse engine summing the same file once',
    records: { of: 'clicks', count: 1_000_000 },
    load: async () => (await import('./import/import.ts')).runImport,
  },
  restore: {
    measures:
      'a store’s way back from its changelog, on an empty disk and after a crash; against fetching and decoding the same topic',
    needs: broker,
    records: { of: 'keys at most', count: 5_000_000 },
    load: async () => (await import('./kafka/restore.ts')).runRestore,
  },
  instances: {
    measures:
      'how long a task’s output pauses when instances are stopped, killed, added and rolled, with a standby of each task',
    needs: broker,
    records: null,
    rounds: 'times that the story is told',
    load: async () => (await import('./kafka-instances/instances.ts')).runInstances,
  },
}
