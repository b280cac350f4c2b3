/** Which broker coordinates a group or a transactional id: asked once, until it is forgotten. */
import {
  findCoordinatorV3,
  findCoordinatorV4,
  findCoordinatorV5,
  findCoordinatorV6,
} from '@platformatic/kafka'

import type { BrokerId, CoordinatorKind, RequestKind } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import { libraryVersion } from './versioned.ts'

type CoordinatorAnswer = findCoordinatorV6.FindCoordinatorResponse

export interface CoordinatorQuestion {
  readonly kind: CoordinatorKind
  readonly key: string
}

const keyTypes = { group: 0, transaction: 1 } as const

export const findCoordinatorRequest: RequestKind<CoordinatorQuestion, CoordinatorAnswer> = {
  name: 'FindCoordinator',
  apiKey: 10,
  versions: [
    libraryVersion(findCoordinatorV6.api, questionArguments),
    libraryVersion(findCoordinatorV5.api, questionArguments),
    libraryVersion(findCoordinatorV4.api, questionArguments),
    libraryVersion(findCoordinatorV3.api, questionArguments),
  ],
}

function questionArguments({ kind, key }: CoordinatorQuestion): [0 | 1, string[]] {
  return [keyTypes[kind], [key]]
}

export class Coordinators {
  readonly #ask: (question: CoordinatorQuestion) => Promise<CoordinatorAnswer>
  readonly #known = new Map<string, Promise<BrokerId>>()

  constructor(ask: (question: CoordinatorQuestion) => Promise<CoordinatorAnswer>) {
    this.#ask = ask
  }

  /** @throws ProtocolError COORDINATOR_NOT_AVAILABLE while there is none */
  async find(kind: CoordinatorKind, key: string): Promise<BrokerId> {
    const name = nameOf(kind, key)
    let known = this.#known.get(name)
    if (known === undefined) {
      const asked = this.#load({ kind, key })
      asked.catch(() => {
        if (this.#known.get(name) === asked) this.#known.delete(name)
      })
      this.#known.set(name, asked)
      known = asked
    }
    return await known
  }

  forget(kind: CoordinatorKind, key: string): void {
    this.#known.delete(nameOf(kind, key))
  }

  async #load(question: CoordinatorQuestion): Promise<BrokerId> {
    const response = await this.#ask(question)
    const nodeId = response.coordinators[0]?.nodeId
    if (nodeId === undefined || nodeId < 0) {
      throw new ProtocolError(15, 'FindCoordinator', question.key)
    }
    return nodeId
  }
}

function nameOf(kind: CoordinatorKind, key: string): string {
  return `${kind} ${key}`
}
