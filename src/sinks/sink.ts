/**
 * A sink takes rows of a table and makes them queryable. Rows are versioned upserts (law 3): a row replaces
 * the one of the same key with a smaller version, so writing any batch again, in any order, changes nothing.
 */
export interface TableName {
  readonly database: string
  readonly table: string
}

/** Column name to value; times are milliseconds since the epoch, versions bigint. */
export type Row = Readonly<Record<string, unknown>>

export interface TableRows {
  readonly table: TableName
  readonly rows: readonly Row[]
}

export interface Sink {
  /** Makes the tables exist, at the newest migration; those that were lost since it was applied, too.
   * @param signal ends it between two steps
   * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
  setup(signal?: AbortSignal): Promise<void>
  /** Each tells a table from another one made in its place, which lacks what was written to the first. In the tables' order.
   * @param signal cuts the question
   * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED, which `isTableLost` where there is no such table */
  identitiesOf(tables: readonly TableName[], signal?: AbortSignal): Promise<readonly string[]>
  /** Resolves when the rows are queryable. Doing it twice is harmless.
   * @param signal cuts what is under way, which counts as unavailable; of the rows some may be there then
   * @throws TidemarkError SINK_UNAVAILABLE (details.retryAfterMs) | SINK_REFUSED, which `isTableLost` where the table, or a
   * table that the engine writes on to, is not there */
  write(batches: readonly TableRows[], signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}
