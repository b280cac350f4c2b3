/** A ClickHouse handle whose every step a test looks at before it is done, and may hold up. */
import type { ClickHouseClient } from '@clickhouse/client'
import type { ClickHouse } from '../../../src/sinks/clickhouse/clickhouse.ts'

/** @param onStep with the statement, or `INSERT` for rows; what it throws or waits for is the step's */
export function watchedHandle(
  inner: ClickHouse,
  onStep: (statement: string) => Promise<void>,
): ClickHouse {
  const watched = (client: ClickHouseClient) =>
    new Proxy(client, {
      get: (target, name: keyof ClickHouseClient) => {
        const value: unknown = target[name]
        if (typeof value !== 'function') return value
        return async (...given: readonly [{ readonly query: string }]) => {
          await onStep(given[0].query)
          return await (value as (...all: unknown[]) => unknown).apply(target, [...given])
        }
      },
    })
  const writer = watched(inner.writer)
  return {
    kind: inner.kind,
    layout: inner.layout,
    writer,
    reader: inner.reader,
    insert: async (...given) => {
      await onStep('INSERT')
      await inner.insert(...given)
    },
    read: (request) => inner.read(request),
    close: () => Promise.resolve(),
  }
}
