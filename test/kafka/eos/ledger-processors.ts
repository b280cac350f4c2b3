/** The processors of the exactly-once driver: not commutative in what they emit, so any slip shows. */
import { present } from '../../../src/core/assert.ts'
import type {
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../../src/processors/processor.ts'
import type { KeyValueStore } from '../../../src/state/stores.ts'
import { bucketCount, deposit } from './ledger-records.ts'
import type { Balance, Bucket, Deposit, Share } from './ledger-records.ts'

/** The nodes that the ledger forwards to. */
export const ports = {
  entries: 'entries',
  audits: 'audits',
  accounts: 'accounts',
  shares: 'shares',
} as const

/** This start of this instance: two starts of one are two makers. */
const madeBy = `${process.env['EOS_INSTANCE'] ?? 'none'}#${process.pid}`

type TextKey = readonly [string]
type NumberKey = readonly [number]

export class LedgerProcessor implements Processor<TextKey, Deposit | null, any, any> {
  #context!: ProcessorContext<any, any>
  #balances!: KeyValueStore<TextKey, Balance>

  init(context: ProcessorContext<any, any>): void {
    this.#context = context
    this.#balances = context.store('balances')
  }

  process(incoming: StreamRecord<TextKey, Deposit | null>): void {
    const { key, value, timestampMs } = incoming
    const { account, sequence, amount } = present(value, 'a deposit')
    const balance = deposit(this.#balances.get(key) ?? null, amount)
    this.#balances.put(key, balance)
    const origin = originOf(this.#context)
    const { forward } = this.#to(incoming)
    forward(ports.entries, key, { account, sequence, ...balance, ...origin })
    forward(ports.audits, [sequence], { sequence, ...balance, ...origin })
    forward(ports.accounts, key, {
      account,
      ...balance,
      event_time: timestampMs,
      known_at: this.#context.wallClockMs,
    })
    const bucket = sequence % bucketCount
    forward(ports.shares, key, { bucket, sequence, amount } satisfies Share)
  }

  #to(incoming: StreamRecord) {
    return {
      forward: (port: string, key: unknown, value: unknown) => {
        this.#context.forward({ ...incoming, key, value }, port)
      },
    }
  }
}

export class BucketProcessor implements Processor<NumberKey, Share | null, NumberKey, Bucket> {
  #context!: ProcessorContext<NumberKey, Bucket>
  #balances!: KeyValueStore<NumberKey, Balance>

  init(context: ProcessorContext<NumberKey, Bucket>): void {
    this.#context = context
    this.#balances = context.store('bucket-balances')
  }

  process(incoming: StreamRecord<NumberKey, Share | null>): void {
    const { bucket, sequence, amount } = present(incoming.value, 'a share')
    const balance = deposit(this.#balances.get(incoming.key) ?? null, amount)
    this.#balances.put(incoming.key, balance)
    const value = { bucket, sequence, ...balance, ...originOf(this.#context) }
    this.#context.forward({ ...incoming, value })
  }
}

function originOf({ recordMetadata }: ProcessorContext) {
  const { partition, offset } = present(recordMetadata, 'the record in hand')
  return { source_partition: Number(partition), source_offset: Number(offset), made_by: madeBy }
}
