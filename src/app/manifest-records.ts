/** The manifests of an application's topologies among its meta records. */
import type { TopologyManifest } from '../topology/manifest.ts'
import type { MetaRecords } from './meta-records.ts'

const prefix = 'topology/'

export async function readManifests(
  meta: Pick<MetaRecords, 'load'>,
): Promise<ReadonlyMap<string, TopologyManifest>> {
  const manifests = new Map<string, TopologyManifest>()
  for (const { key, value } of await meta.load()) {
    if (!key.startsWith(prefix)) continue
    const name = key.slice(prefix.length)
    const manifest = value === null ? null : (JSON.parse(value) as { layout: number })
    // A later version knows more than this one can compare.
    if (manifest?.layout === 1) manifests.set(name, manifest as TopologyManifest)
    else manifests.delete(name)
  }
  return manifests
}

export async function writeManifests(
  meta: Pick<MetaRecords, 'append'>,
  manifests: readonly TopologyManifest[],
): Promise<void> {
  if (manifests.length === 0) return
  await meta.append(
    manifests.map((manifest) => ({
      key: prefix + manifest.topology,
      value: JSON.stringify(manifest),
    })),
  )
}

export async function forgetManifests(
  meta: Pick<MetaRecords, 'append'>,
  topologies: readonly string[],
): Promise<void> {
  await meta.append(topologies.map((name) => ({ key: prefix + name, value: null })))
}
