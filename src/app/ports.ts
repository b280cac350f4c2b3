/** The four doors, as other software knows them; an offset shifts them all. */
export interface Ports {
  readonly console: number
  readonly registry: number
  readonly ingest: number
  readonly clickhouse: number
}

export function portsOf(offset: number): Ports {
  return {
    console: 8080 + offset,
    registry: 8081 + offset,
    ingest: 8082 + offset,
    clickhouse: 8123 + offset,
  }
}
