/** Which error policy each node of a topology has. */
import type { ErrorPolicy } from '../processors/processor.ts'

/** What becomes of records on which the functions of nodes throw. */
export interface ErrorPolicies {
  /** Of all nodes but the aggregates of tables. Default: `fail`. */
  readonly onError?: ErrorPolicy
  /** Of single nodes, by name. */
  readonly onErrorOf?: Readonly<Record<string, ErrorPolicy>>
}

const policies: readonly ErrorPolicy[] = ['fail', 'skip', 'quarantine']

export class PoliciesOfNodes {
  readonly #given: ErrorPolicies
  readonly #taken = new Set<string>()
  readonly #faults: string[] = []

  constructor(given: ErrorPolicies) {
    this.#given = given
    const all: [string, string | undefined][] = [
      ['onError', given.onError],
      ...Object.entries(given.onErrorOf ?? {}),
    ]
    for (const [name, policy] of all) {
      if (policy === undefined || policies.some((known) => known === policy)) continue
      this.#faults.push(`the error policy of "${name}" is "${policy}"; use ${policies.join(', ')}`)
    }
  }

  of(node: string): ErrorPolicy {
    this.#taken.add(node)
    return this.#given.onErrorOf?.[node] ?? this.#given.onError ?? 'fail'
  }

  /** Of a node that would be wrong from then on if it left a record out. */
  failing(node: string, why: string): ErrorPolicy {
    this.#taken.add(node)
    const given = this.#given.onErrorOf?.[node] ?? 'fail'
    if (given !== 'fail') {
      this.#faults.push(`node "${node}" must fail on an error, not ${given}: ${why}`)
    }
    return 'fail'
  }

  /** Known once all nodes are made. */
  faults(): readonly string[] {
    const unknown = Object.keys(this.#given.onErrorOf ?? {}).filter(
      (name) => !this.#taken.has(name),
    )
    const known = [...this.#taken].join(', ')
    return [
      ...this.#faults,
      ...unknown.map(
        (name) => `an error policy is given for "${name}", which is none of the nodes: ${known}`,
      ),
    ]
  }
}
