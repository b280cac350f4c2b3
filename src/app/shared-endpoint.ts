/**
 * Two instances that tell the others one address (a Service in a configuration that they share, loopback on two machines)
 * are one host to everybody: a query for the one is answered by the other with 503, and neither watches the other's life.
 * Who lives at the address is asked before this instance listens there; who joins later is seen in what the group says.
 */
import { TidemarkError } from '../core/errors.ts'
import type { QueryableRuntime } from '../runtime/queries/hosts.ts'
import type { Condition } from './conditions.ts'
import { livingAt, type NamesakeOptions } from './namesake.ts'

export interface SharedEndpointOptions extends Omit<NamesakeOptions, 'admin' | 'groupIds'> {
  /** Where others are told to reach this instance; null where they are not. */
  readonly endpoint: string | null
}

/** Longer than the session of a member that is gone lasts by default. */
export const sharedEndpointMinMs = 60_000

/** @throws TidemarkError CONFIGURATION_INVALID where another instance of the application answers there */
export async function refuseSharedEndpoint(options: SharedEndpointOptions): Promise<void> {
  const { endpoint, member, applicationId } = options
  if (endpoint === null) return
  const other = await livingAt(endpoint, options)
  if (other === null || other.instanceId === member.instanceId) return
  throw new TidemarkError(
    'CONFIGURATION_INVALID',
    `instance ${other.instanceId} of application ${applicationId} answers at ${endpoint}, which this one (${member.instanceId}) would tell ` +
      'the others as its own address: queries for the one would reach the other, and neither would watch the other. ' +
      remedy,
    { details: { endpoint, instanceId: other.instanceId } },
  )
}

const remedy =
  'Give each instance an endpoint that reaches it alone, as http://$(POD_NAME).tidemark:8080 (endpoint, TIDEMARK_ENDPOINT), ' +
  'and instances on one machine a --port-offset each'

/** Nothing waits for it, so no status has it. A member that was killed and came back under another id at its address is
 * there twice until its session is over: it must last. */
export function sharedEndpoint(
  topologies: readonly string[],
  runtime: Pick<QueryableRuntime, 'hostsOf'>,
  lasts: { readonly forMs: number; readonly nowMs: () => number },
): Condition {
  let sinceMs: number | null = null
  const text = () => {
    const shared = topologies.flatMap((name) => {
      const hosts = runtime.hostsOf(name)
      return hosts?.isSelfShared === true ? [{ name, self: hosts.self }] : []
    })
    const [first] = shared
    sinceMs = first === undefined ? null : (sinceMs ?? lasts.nowMs())
    if (first === undefined || sinceMs === null) return null
    if (lasts.nowMs() - sinceMs < lasts.forMs) return null
    return (
      `another instance in group ${first.name} tells the same address as this one, ${first.self}: queries for the one may reach ` +
      `the other, and neither watches the other. ${remedy}`
    )
  }
  return { text, over: 'no other instance tells the address of this one' }
}
