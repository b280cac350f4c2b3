/** The group that brings the facts of a topology, or the program's own (`tidemark`), to ClickHouse. */
export function sinkGroup(name: string): string {
  return `${name}-clickhouse`
}
