/** Exactly once: the content is one Kafka transaction, known as committed or known as aborted before anybody is told. */
import type { ContentWriter, WriteOutcome } from './content-writer.ts'
import { unprepared } from './content-writer.ts'
import { fillTransaction } from './fill-transaction.ts'
import type { MergedContent } from './merged-content.ts'
import type { ProducerSession } from './producer-session.ts'
import { fencedError, reactionTo } from './transaction-reactions.ts'

export class TransactionWriter implements ContentWriter {
  readonly #session: ProducerSession

  constructor(session: ProducerSession) {
    this.#session = session
  }

  get name(): string {
    return this.#session.transactionalId
  }

  get state(): ContentWriter['state'] {
    const { state } = this.#session.lifecycle
    if (state === 'fenced') return 'fenced'
    return state === 'suspect' || state === 'initializing' ? 'unprepared' : 'ready'
  }

  async prepare(): Promise<void> {
    const { lifecycle, transactionalId } = this.#session
    if (lifecycle.state === 'fenced') throw fencedError(transactionalId)
    if (lifecycle.state === 'suspect') await this.#session.initialize()
  }

  async write(content: MergedContent): Promise<WriteOutcome> {
    const session = this.#session
    try {
      await this.prepare()
    } catch (thrown) {
      return unprepared(this.name, thrown)
    }
    session.begin()
    const scope = session.fillingScope()
    try {
      const refusals = await fillTransaction(scope, session, content)
      if (refusals.size > 0) {
        await session.abort()
        return { kind: 'refused', refusals }
      }
    } catch (thrown) {
      return await this.#giveUp(thrown)
    }
    try {
      const outcome = await session.commit(scope.answersLost)
      if (outcome === 'committed') return { kind: 'committed', refusals: new Map() }
      return { kind: 'aborted', cause: 'the coordinator had aborted the transaction' }
    } catch (thrown) {
      return { kind: 'over', error: thrown }
    }
  }

  async #giveUp(thrown: unknown): Promise<WriteOutcome> {
    const session = this.#session
    if (session.lifecycle.state === 'fenced') return { kind: 'over', error: thrown }
    const reaction = reactionTo(thrown)
    if (reaction === 'fenced') return { kind: 'over', error: session.fence(thrown) }
    try {
      await session.abort()
    } catch (fence) {
      return { kind: 'over', error: fence }
    }
    return reaction === 'stop' || reaction === 'refuse'
      ? { kind: 'over', error: thrown }
      : { kind: 'aborted', cause: thrown }
  }
}
