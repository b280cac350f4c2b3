/** What `--accept` may name: a word that is nothing is a typing error, and would let nothing go. */
import { TidemarkError } from '../core/errors.ts'
import { changelogSuffix } from '../runtime/changelog.ts'
import { nearestName } from '../schema/nearest-name.ts'
import { storesOf, type TopologyManifest } from '../topology/manifest.ts'

const listedMax = 20

/**
 * Known is what was or would be there, and what was let go before, since the flag stays in a deployment.
 * @param manifests of what ran and of what would run
 * @param topics where they are shared: a changelog tells of a store of which nothing else is known
 * @throws TidemarkError CONFIGURATION_INVALID
 */
export function refuseUnknownAccepted(
  accepted: readonly string[],
  manifests: readonly TopologyManifest[],
  topics: readonly string[],
): void {
  const known = new Set<string>()
  for (const manifest of manifests) {
    const { topology } = manifest
    const changelog = new RegExp(`^${RegExp.escape(topology)}-(.+)${changelogSuffix}$`)
    const stores = [
      ...storesOf(manifest).map(({ name }) => name),
      ...manifest.accepted,
      ...topics.flatMap((topic) => changelog.exec(topic)?.[1] ?? []),
    ]
    for (const name of stores) if (!name.startsWith('__')) known.add(`${topology}/${name}`)
  }
  const topologies = new Set(manifests.map(({ topology }) => topology))
  const faults = accepted.filter((word) => !isKnown(word, known, topologies))
  if (faults.length > 0) throw refusal(faults, [...known].sort())
}

function isKnown(
  word: string,
  known: ReadonlySet<string>,
  topologies: ReadonlySet<string>,
): boolean {
  const [first = '', second] = word.split('/')
  const renumbered = /^sub-topology-\d+$/
  if (second === undefined) {
    return renumbered.test(word) || [...known].some((each) => each.endsWith(`/${word}`))
  }
  return known.has(word) || (topologies.has(first) && renumbered.test(second))
}

function refusal(faults: readonly string[], known: readonly string[]): TidemarkError {
  const bare = known.map((name) => name.split('/')[1] ?? name)
  const told = faults.map((word) => {
    const nearest = nearestName(word, word.includes('/') ? known : bare)
    return `${JSON.stringify(word)}${nearest === null ? '' : ` (did you mean ${nearest}?)`}`
  })
  const listed = known.slice(0, listedMax).join(', ')
  const more = known.length > listedMax ? `, and ${known.length - listedMax} more` : ''
  return new TidemarkError(
    'CONFIGURATION_INVALID',
    `accept: ${told.join(', ')} is no store that was or would be here; there are ${listed || 'none'}${more}`,
    { details: { accept: faults.join(',') } },
  )
}
