/** The Content-Type of ClickHouse's formats. */
export function contentTypeOf(format: string): string {
  if (/^JSON.*EachRow$|^NDJSON$|^JSONLines$/.test(format))
    return 'application/x-ndjson; charset=UTF-8'
  if (/^JSON/.test(format)) return 'application/json; charset=UTF-8'
  if (/^(TSV|TabSeparated)/.test(format)) return 'text/tab-separated-values; charset=UTF-8'
  if (/^CSV/.test(format)) {
    const header = format.includes('WithNames') ? 'present' : 'absent'
    return `text/csv; charset=UTF-8; header=${header}`
  }
  if (format === 'XML') return 'application/xml; charset=UTF-8'
  if (format === 'Markdown') return 'text/markdown; charset=UTF-8'
  const binary = /^(Native|RowBinary|Parquet|Arrow|ORC|Avro|MsgPack|Protobuf|BSON|RawBLOB|Npy|Cap)/
  if (binary.test(format)) return 'application/octet-stream'
  return 'text/plain; charset=UTF-8'
}
