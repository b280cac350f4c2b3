/**
 * Sends a read to whoever holds the partitions it needs: this instance, the owner, or a standby.
 *
 * Invariants:
 *  1. A forwarded read is answered from what is held here; it goes no further (one hop).
 *  2. A partition is answered by one copy; where its active task is away a standby may answer, and says how far it is.
 *     A copy that has never been complete answers nothing: it would deny what it has not read yet.
 *  3. Waits are bounded by the host's time-out times the copies of a partition.
 */
import { present } from '../../core/assert.ts'
import type { Partition } from '../../core/record.ts'
import type { HostUrl, QueryableRuntime, TaskHosts } from '../../runtime/queries/hosts.ts'
import type {
  FoundStore,
  HeldCopy,
  LocalQueries,
  StoreQuery,
} from '../../runtime/queries/local-queries.ts'
import { answered } from './read-message.ts'
import type { AnsweredPartition, ReadMessage } from './read-message.ts'
import { askHost } from './remote-host.ts'
import type { Refusal, RemoteAnswer, RemoteHostOptions } from './remote-host.ts'

/** `active`: the active task or nobody. `prefer-active`: a standby where the active task is away. `any`: the nearest
 * copy, whichever it is. */
export type Consistency = 'active' | 'prefer-active' | 'any'

export type RoutedAnswer =
  | { readonly partitions: readonly AnsweredPartition[] }
  | { readonly refusal: string; readonly retryAfterMs: number }

export interface QueryRouterOptions extends RemoteHostOptions {
  readonly local: LocalQueries
  readonly runtime: QueryableRuntime
}

const rebalanceRetryMs = 1_000
/** A restore may end sooner than its pace says, and a standby may come. */
const retryMaxMs = 60_000
const whileSharing = { refusal: 'the group is sharing its tasks out anew', retryAfterMs: null }
const whileNobody = { refusal: 'no instance has been given it', retryAfterMs: null }

export class QueryRouter {
  readonly #options: QueryRouterOptions

  constructor(options: QueryRouterOptions) {
    this.#options = options
  }

  /** What this process holds of the partitions; all of them or a refusal. */
  async readHere(store: FoundStore, message: ReadMessage): Promise<RemoteAnswer> {
    const { local, runtime } = this.#options
    const self = runtime.hostsOf(store.topology)?.self ?? ''
    const partitions: AnsweredPartition[] = []
    for (const partition of message.partitions) {
      const held = local.held(store, partition)
      const why = whyNot(held, message.activeOnly)
      if (why !== null) {
        const refusal = `partition ${partition} of ${store.definition.name} is ${why}`
        return { refusal, retryAfterMs: held?.remainingMs ?? null }
      }
      const read = await local.read(store, partition, message.query)
      if (read === null) {
        return { refusal: `partition ${partition} has just moved away`, retryAfterMs: null }
      }
      partitions.push(answered(read, store.definition, self))
    }
    return { partitions }
  }

  /** Each round asks every host once, for all partitions it is the next choice of. */
  async read(
    store: FoundStore,
    wanted: readonly Partition[],
    query: StoreQuery,
    consistency: Consistency,
  ): Promise<RoutedAnswer> {
    const hosts = this.#options.runtime.hostsOf(store.topology)
    if (hosts === null) return { refusal: 'the topology has stopped', retryAfterMs: 0 }
    const choices = new Map(
      wanted.map((partition) => [
        partition,
        choicesOf(taskOf(hosts.tasks, store, partition), hosts.self, consistency),
      ]),
    )
    const found: AnsweredPartition[] = []
    let last: Refusal = hosts.isRebalancing ? whileSharing : whileNobody
    for (let left = [...wanted]; left.length > 0;) {
      const byHost = new Map<HostUrl, { partitions: Partition[]; activeOnly: boolean }>()
      for (const partition of left) {
        const choice = present(choices.get(partition), 'the choices of a partition').shift()
        if (choice === undefined) {
          return {
            refusal: `partition ${partition} of ${store.definition.name}: ${last.refusal}`,
            retryAfterMs: Math.min(last.retryAfterMs ?? rebalanceRetryMs, retryMaxMs),
          }
        }
        const group = byHost.get(choice.host)
        if (group === undefined) {
          byHost.set(choice.host, { partitions: [partition], activeOnly: choice.activeOnly })
        } else {
          group.partitions.push(partition)
          group.activeOnly &&= choice.activeOnly
        }
      }
      const answers = await Promise.all(
        [...byHost].map(async ([host, { partitions, activeOnly }]) => {
          const message = { partitions, query, activeOnly }
          return {
            partitions,
            answer:
              host === hosts.self
                ? await this.readHere(store, message)
                : await askHost(host, pathOf(store), message, this.#options),
          }
        }),
      )
      left = []
      for (const { partitions, answer } of answers) {
        if ('partitions' in answer) found.push(...answer.partitions)
        else {
          last = answer
          left.push(...partitions)
        }
      }
    }
    return { partitions: found }
  }
}

/** Null where the copy may answer. */
function whyNot(held: HeldCopy | null, activeOnly: boolean): string | null {
  if (held === null) return 'not held here'
  const { role, isComplete } = held
  // What it has not read yet cannot be told from what does not exist.
  if (!isComplete) return `${role} here, from scratch, and has not been complete since`
  return activeOnly && role !== 'active' ? `${role} here` : null
}

function taskOf(
  tasks: readonly TaskHosts[],
  { subTopology }: FoundStore,
  partition: Partition,
): TaskHosts | undefined {
  return tasks.find(
    (task) => task.subTopology === subTopology.index && task.partition === partition,
  )
}

interface Choice {
  readonly host: HostUrl
  readonly activeOnly: boolean
}

/** Whom to ask, in order. A host that has just become or ceased to be active is asked once, for whatever it has. */
function choicesOf(task: TaskHosts | undefined, self: HostUrl, consistency: Consistency): Choice[] {
  if (task === undefined) return []
  const activeOnly = consistency !== 'any'
  const choices: Choice[] = task.active === null ? [] : [{ host: task.active, activeOnly }]
  if (consistency === 'active') return choices
  const standbys = task.standbys.filter((host) => host !== task.active)
  choices.push(...standbys.map((host) => ({ host, activeOnly: false })))
  if (consistency === 'any') {
    choices.sort((left, right) => Number(right.host === self) - Number(left.host === self))
  } else if (task.active !== null) {
    // It may have gone over to restoring: its copy is still one.
    choices.push({ host: task.active, activeOnly: false })
  }
  return choices
}

export function pathOf({ topology, definition }: FoundStore): string {
  const part = encodeURIComponent
  return `/topologies/${part(topology)}/stores/${part(definition.name)}/read`
}
