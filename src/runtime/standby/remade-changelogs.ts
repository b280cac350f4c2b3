/**
 * Changelogs that somebody deletes and makes anew while their stores are kept up here. A store that is opened is
 * compared with its topic (`open-cursors.ts`); afterwards it is written by offset alone, and commits go into a topic of
 * the same name as well as into another. So the ids are asked for from time to time.
 *
 *  - A standby is opened again, which wipes it and reads the topic as it is now.
 *  - A task that runs has what the topic lacks, and nothing else has it: that is told, and an operator decides. It ends
 *    the instance, because whatever is committed from then on would be restored as a part of the state.
 */
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { TopicName } from '../../core/record.ts'
import type { Checkpoints } from '../checkpoints.ts'
import type { KeptTask, StoreChangelog } from '../kept-task.ts'
import type { OpenCursorsOptions } from './open-cursors.ts'
import type { StateUpdater } from './state-updater.ts'

export interface RemadeChangelogsOptions extends Pick<OpenCursorsOptions, 'topicIdsOf'> {
  readonly clock: Clock
  readonly intervalMs: number
  readonly tasks: ReadonlyMap<string, KeptTask>
  readonly checkpoints: Checkpoints
  readonly updater: Pick<StateUpdater, 'held' | 'reopen'>
  readonly onFailure: (failure: unknown) => void
}

export class RemadeChangelogs {
  readonly #options: RemadeChangelogsOptions
  #cancel: (() => void) | null = null
  #isStopped = false

  constructor(options: RemadeChangelogsOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#isStopped) return
    const { clock, intervalMs } = this.#options
    this.#cancel = clock.after(intervalMs, () => {
      void this.#look().then(() => {
        this.start()
      })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  async #look(): Promise<void> {
    const kept = this.#kept()
    const topics = [...new Set(kept.map(([, { topic }]) => topic))]
    if (topics.length === 0) return
    let ids: ReadonlyMap<TopicName, string>
    try {
      ids = await this.#options.topicIdsOf(topics)
    } catch {
      // The log cannot say just now, or a topic is gone; those who read and write it tell why.
      return
    }
    if (this.#isStopped) return
    for (const [task, changelog] of kept) this.#compare(task, changelog, ids.get(changelog.topic))
  }

  /** What is written here; where a task is restored it is opened first. */
  #kept(): (readonly [KeptTask, StoreChangelog])[] {
    return [...this.#options.tasks.values()]
      .filter(({ plan }) => this.#roleOf(plan.id) !== null)
      .flatMap((task) => task.changelogs.map((changelog) => [task, changelog] as const))
  }

  #roleOf(taskId: string): 'active' | 'standby' | null {
    const role = this.#options.updater.held(taskId)?.role
    return role === 'active' || role === 'standby' ? role : null
  }

  #compare(task: KeptTask, { store, topic }: StoreChangelog, now: string | undefined): void {
    const { checkpoints, updater, onFailure } = this.#options
    const { id } = task.plan
    const before = checkpoints.topicIdOf(task, topic)
    if (before === null || now === undefined || now === before) return
    const role = this.#roleOf(id)
    if (role === 'standby') updater.reopen(id)
    else if (role === 'active') onFailure(remade(id, store, topic))
  }
}

function remade(taskId: string, store: string, topic: TopicName): TidemarkError {
  return new TidemarkError(
    'TOPIC_MISMATCH',
    `changelog topic ${topic} was deleted and made anew while task ${taskId} runs: it lacks what store ${store} held ` +
      'before. A start restores the store from the topic as it is now; where that is not what you want, ' +
      'run tidemark reset before it',
    { details: { taskId, store, topic } },
  )
}
