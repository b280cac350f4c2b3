/** A store whose content was computed with other parameters than it would be: what is computed from it would be of neither. */
import type { StoreParameters } from '../state/stores.ts'
import type { TopologyChange } from './diff.ts'
import type { StoreManifest } from './manifest.ts'

/** None where the earlier version did not keep what its stores had stated. */
export function parametersChange(
  topology: string,
  { parameters: was }: StoreManifest,
  { name, parameters: now }: StoreManifest,
): TopologyChange[] {
  if (was === undefined || was.fingerprint === now?.fingerprint) return []
  const effect =
    `was computed with parameters ${was.version}, and this code ${difference(was, now)}: rows from then on would rest on ` +
    `state that ${was.version} has left; start anew with tidemark reset, which computes everything from the events`
  const accept = `${topology}/${name}`
  return [{ kind: 'parameters-changed', name, verdict: 'refused', effect, accept }]
}

function difference(was: StoreParameters, now: StoreParameters | undefined): string {
  if (now === undefined) return 'states none'
  if (was.version !== now.version) return `has ${now.version}`
  const [before, after] = [was, now].map(({ fingerprint }) => fingerprint.slice(0, 8))
  return `has others of the same version (fingerprint ${before}, now ${after}; give them a version of their own)`
}
