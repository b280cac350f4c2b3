/** Opens ClickHouse by where it is: a directory is the engine in this process, a URL is a server. */
import type { ClickHouse } from './clickhouse.ts'
import { openEmbedded } from './embedded.ts'
import type { EmbeddedOptions } from './embedded.ts'
import { openServer } from './server.ts'
import type { ServerOptions } from './server.ts'

export type ClickHouseOptions = EmbeddedOptions | ServerOptions

/** @throws TidemarkError SINK_UNAVAILABLE where the directory cannot be opened or the server does not answer */
export async function openClickHouse(options: ClickHouseOptions): Promise<ClickHouse> {
  return 'path' in options ? await openEmbedded(options) : await openServer(options)
}
