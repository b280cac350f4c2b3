/** The addresses of the configuration: `host:port`, `[::1]:9092`. */
import { TidemarkError } from '../../../core/errors.ts'
import type { BrokerAddress } from './broker-connections.ts'

const address = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/

/** @throws TidemarkError CONFIGURATION_INVALID */
export function bootstrapAddresses(servers: readonly string[]): readonly BrokerAddress[] {
  if (servers.length === 0) {
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      'kafka.bootstrapServers is empty: name at least one broker, as in ["kafka:9092"]',
    )
  }
  return servers.map((server) => {
    const [, bracketed, plain, port] = address.exec(server.trim()) ?? []
    const host = bracketed ?? plain
    if (host === undefined || port === undefined || Number(port) > 65_535) {
      throw new TidemarkError(
        'CONFIGURATION_INVALID',
        `kafka.bootstrapServers: ${JSON.stringify(server)} is not of the form host:port`,
      )
    }
    return { host, port: Number(port) }
  })
}
