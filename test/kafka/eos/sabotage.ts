/**
 * Ways to break exactly-once on purpose: each takes one mechanism out, and the driver has to see the anomaly
 * that the mechanism is there against.
 */
import type {
  EncodedLog,
  EncodedProducer,
  EncodedRecords,
  EncodedTransaction,
} from '../../../src/log/encoded-log.ts'
import type {
  FetchRequest,
  GroupMetadata,
  PartitionOffset,
  PartitionRecords,
} from '../../../src/log/log.ts'

/**
 * - `no-fencing`: every start writes under a transactional id of its own and commits offsets as nobody's member, so
 *   that whoever was replaced can still commit;
 * - `no-filter`: instances read what is not committed;
 * - `offsets-first`: offsets are committed in a transaction of their own before the outputs are produced.
 */
export type Sabotage = 'none' | 'no-fencing' | 'no-filter' | 'offsets-first'

export function sabotaged(log: EncodedLog, how: Sabotage): EncodedLog {
  if (how === 'none') return log
  if (how === 'no-fencing') return withProducers(log, anonymous)
  if (how === 'offsets-first') return withProducers(log, offsetsFirst)
  return unfiltered(log)
}

function unfiltered(log: EncodedLog): EncodedLog {
  const everything = (request: FetchRequest): FetchRequest => ({
    ...request,
    isolation: 'read_uncommitted',
  })
  return overriding(log, {
    fetch: (request) => log.fetch(everything(request)),
    fetchEncoded: (request) => log.fetchEncoded(everything(request)),
  })
}

/** The log with some methods replaced; the others stay bound to it. */
export function overriding(log: EncodedLog, methods: Partial<EncodedLog>): EncodedLog {
  return new Proxy(log, {
    get(target, name) {
      const replaced = methods[name as keyof EncodedLog]
      if (replaced !== undefined) return replaced
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

function withProducers(
  log: EncodedLog,
  wrap: (producer: EncodedProducer) => EncodedProducer,
): EncodedLog {
  return overriding(log, {
    transactionalProducer: async (id) => wrap(await log.transactionalProducer(id)),
  })
}

function anonymous(producer: EncodedProducer): EncodedProducer {
  const withoutMember = ({ groupId }: GroupMetadata): GroupMetadata => ({
    groupId,
    generationId: -1,
    memberId: '',
  })
  return {
    begin: () => {
      const transaction = producer.begin()
      return {
        send: (batch) => {
          transaction.send(batch)
        },
        sendEncoded: (records) => {
          transaction.sendEncoded(records)
        },
        sendOffsets: (group, offsets) => {
          transaction.sendOffsets(withoutMember(group), offsets)
        },
        writeState: (changes) => {
          transaction.writeState(changes)
        },
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
      }
    },
    close: () => producer.close(),
  }
}

function offsetsFirst(producer: EncodedProducer): EncodedProducer {
  return { begin: () => new OffsetsFirst(producer), close: () => producer.close() }
}

class OffsetsFirst implements EncodedTransaction {
  readonly #producer: EncodedProducer
  readonly #sends: ((transaction: EncodedTransaction) => void)[] = []
  readonly #offsets: {
    readonly group: GroupMetadata
    readonly offsets: readonly PartitionOffset[]
  }[] = []

  constructor(producer: EncodedProducer) {
    this.#producer = producer
  }

  send(batch: PartitionRecords): void {
    this.#sends.push((transaction) => {
      transaction.send(batch)
    })
  }

  sendEncoded(records: EncodedRecords): void {
    this.#sends.push((transaction) => {
      transaction.sendEncoded(records)
    })
  }

  sendOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): void {
    this.#offsets.push({ group, offsets })
  }

  writeState(): void {
    throw new Error('state is not part of a transaction on Kafka')
  }

  async commit() {
    const first = this.#producer.begin()
    for (const { group, offsets } of this.#offsets) first.sendOffsets(group, offsets)
    await first.commit()
    const second = this.#producer.begin()
    for (const send of this.#sends) send(second)
    return second.commit()
  }

  abort(): Promise<void> {
    return Promise.resolve()
  }
}
