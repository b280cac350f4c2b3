/** The one place where the profile is chosen. */
import type { Configuration } from './configuration.ts'
import type { Foundation, FoundationOptions } from './foundation.ts'

/** Each is loaded only where it is used: the engines behind them are large. */
export async function openFoundation(
  configuration: Configuration,
  options: FoundationOptions,
): Promise<Foundation> {
  const { cluster } = configuration
  if (cluster === null) {
    const { openEmbeddedFoundation } = await import('./embedded-foundation.ts')
    return openEmbeddedFoundation(configuration, options)
  }
  const { openClusterFoundation } = await import('./cluster-foundation.ts')
  return openClusterFoundation(configuration, cluster, options)
}
