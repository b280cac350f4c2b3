/**
 * The configuration of the engine inside this process. Two decisions live here.
 *
 * Memory: the engine shares a process with RocksDB and Node, so its caches and its total are capped; a query
 * above its share fails with MEMORY_LIMIT_EXCEEDED (241) and an insert is tried again.
 *
 * Access: chdb has one user for all connections. It gets what our migrations, sinks and readers need and no
 * more: none of the grants for sources (FILE, URL, S3, REMOTE, …), backups, temporary tables or users, so no
 * statement of anybody can read or write outside the data directory by a table function. What grants do not
 * cover (the function `file`, INTO OUTFILE) is refused by `statement-guard.ts`. All its grants come by roles, because a
 * connection can take off roles and nothing else: a reader who is limited to some databases gets one with theirs alone.
 */
import { assert } from '../../core/assert.ts'

export interface EngineLimits {
  /** What the engine may hold in total. */
  readonly memoryBytesMax: number
  /** What one query of a reader may hold. */
  readonly queryMemoryBytesMax: number
  /** No insert or merge starts with less room on the disk: one that runs into its end can leave a broken part. */
  readonly keepFreeBytes: number
  /** Cores that one query may use. */
  readonly threadsMax: number
}

export const defaultEngineLimits: EngineLimits = {
  memoryBytesMax: 512 * 1024 * 1024,
  queryMemoryBytesMax: 256 * 1024 * 1024,
  keepFreeBytes: 32 * 1024 * 1024,
  threadsMax: 2,
}

const grants = [
  'SHOW, SELECT, INSERT, OPTIMIZE, TRUNCATE, dictGet ON *.*',
  'CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE DICTIONARY ON *.*',
  'DROP DATABASE, DROP TABLE, DROP VIEW, DROP DICTIONARY ON *.*',
  'ALTER TABLE, ALTER VIEW ON *.*',
  ...[
    'MergeTree',
    'ReplacingMergeTree',
    'AggregatingMergeTree',
    'SummingMergeTree',
    'Memory',
    'Null',
  ].map((engine) => `TABLE ENGINE ON ${engine}`),
]

/** The role of a connection that may do all that anybody may here; every connection has it until it takes it off. */
const fullRole = 'full'

/** The role of a connection that reads this database and no other. */
export function readingRole(database: string): string {
  return `reads_${database}`
}

/** Of a database that readers are limited to: it goes into XML and SQL as it is. */
export const databaseName = /^[A-Za-z_]\w{0,60}$/

const mebibyte = 1024 * 1024

/** XML of `--config-file`. `path` is where the file itself will be: it names itself as the users' file too.
 * @param readDatabases those that some readers are limited to */
export function engineConfig(
  path: string,
  limits: EngineLimits,
  readDatabases: readonly string[],
): string {
  return `<clickhouse>
  <users_config>${escapeXml(path)}</users_config>
  <logger><level>none</level></logger>
  <max_server_memory_usage>${limits.memoryBytesMax}</max_server_memory_usage>
  <mark_cache_size>${16 * mebibyte}</mark_cache_size>
  <index_mark_cache_size>${4 * mebibyte}</index_mark_cache_size>
  <primary_index_cache_size>${16 * mebibyte}</primary_index_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
  <query_condition_cache_size>${4 * mebibyte}</query_condition_cache_size>
  <mmap_cache_size>16</mmap_cache_size>
  <compiled_expression_cache_size>${8 * mebibyte}</compiled_expression_cache_size>
  <background_pool_size>1</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>1</background_common_pool_size>
  <background_schedule_pool_size>2</background_schedule_pool_size>
  <max_io_thread_pool_size>8</max_io_thread_pool_size>
  <max_thread_pool_size>100</max_thread_pool_size>
  <storage_configuration><disks><default>
    <keep_free_space_bytes>${limits.keepFreeBytes}</keep_free_space_bytes>
  </default></disks></storage_configuration>
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
    <max_bytes_to_merge_at_max_space_in_pool>${1024 * mebibyte}</max_bytes_to_merge_at_max_space_in_pool>
    <merge_max_block_size>2048</merge_max_block_size>
    <merge_max_block_size_bytes>${2 * mebibyte}</merge_max_block_size_bytes>
    <old_parts_lifetime>60</old_parts_lifetime>
  </merge_tree>
  <profiles>
    <default>
      <session_timezone>UTC</session_timezone>
      <max_threads>${limits.threadsMax}</max_threads>
      <max_insert_threads>1</max_insert_threads>
      <input_format_parallel_parsing>0</input_format_parallel_parsing>
      <max_memory_usage>${limits.memoryBytesMax}</max_memory_usage>
    </default>
  </profiles>
${usersConfig(readDatabases)}
  <quotas><default></default></quotas>
</clickhouse>
`
}

function usersConfig(readDatabases: readonly string[]): string {
  assert(
    readDatabases.every((name) => databaseName.test(name)),
    'names of databases that readers are limited to are words',
  )
  const roles = [
    role(fullRole, grants),
    ...readDatabases.map((name) =>
      role(readingRole(name), [`SHOW, SELECT, dictGet ON \`${name}\`.*`]),
    ),
  ]
  const roleNames = [fullRole, ...readDatabases.map(readingRole)]
  return `  <roles>
${roles.join('\n')}
  </roles>
  <users>
    <default>
      <password></password>
      <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT ${roleNames.join(', ')}</query></grants>
    </default>
  </users>`
}

function role(name: string, granted: readonly string[]): string {
  const queries = granted.map((grant) => `<query>GRANT ${grant}</query>`)
  return `    <${name}><grants>${queries.join('')}</grants></${name}>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
