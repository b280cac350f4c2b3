/**
 * A transaction coordinator, its partitions and groups, as one object at the cluster's port. It keeps the rules that
 * transactions rest on (epochs, sequences, what is open), and fails as it is told.
 */
import { setImmediate } from 'node:timers/promises'

import { TidemarkError } from '../../../core/errors.ts'
import type { Offset, TopicName } from '../../../core/record.ts'
import { headerAt } from '../batches/batch-header.ts'
import { decodeBatch } from '../batches/decode-batch.ts'
import { failureOfCode } from '../connections/failures.ts'
import type { Destination, KafkaCluster, RequestKind, TopicMetadata } from '../kafka-cluster.ts'
import type { ProduceRequest, ProduceResult } from './produce-request.ts'
import type {
  AddPartitionsToTxnRequest,
  EndTxnRequest,
  InTransaction,
  ProducerIdentity,
  TxnOffsetCommitRequest,
} from './transaction-requests.ts'

const codes = {
  'not coordinator': 16,
  'stale generation': 22,
  concurrent: 51,
  abortable: 120,
  unknown: -1,
  /** INVALID_TXN_STATE, of which the coordinator's own abort is the usual reason. */
  gone: 48,
  'not leader': 6,
} as const

export const faults = [
  'none',
  'none',
  'none',
  'none',
  'lost before',
  'lost after',
  'late by 2',
  'late by 5',
  'late by 7',
  'rival',
  'not coordinator',
  'not leader',
  'concurrent',
  'abortable',
  'unknown',
  'gone',
  'stale generation',
] as const
export type Fault = (typeof faults)[number]

/** Whom a code can come from; others go through. */
const answersTo: Readonly<Partial<Record<Fault, readonly string[]>>> = {
  'stale generation': ['TxnOffsetCommit'],
  'not leader': ['Produce'],
  gone: ['Produce', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit'],
  'not coordinator': [
    'InitProducerId',
    'EndTxn',
    'AddPartitionsToTxn',
    'AddOffsetsToTxn',
    'TxnOffsetCommit',
  ],
}
const hasPartitionCodes = new Set(['Produce', 'TxnOffsetCommit', 'AddPartitionsToTxn'])
const fencedCode = 90

interface Sequences {
  epoch: number
  next: number
  known: Map<number, number>
}

export class BrokerModel implements KafkaCluster {
  readonly committed: number[] = []
  readonly committedOffsets: number[] = []
  readonly violations: string[] = []
  transactions = 0
  readonly #protocol: 1 | 2
  readonly #faults: Fault[]
  readonly #sequences = new Map<number, Sequences>()
  readonly #nextOffsets = [0, 0]
  /** Identities that were told that they are fenced. */
  readonly #fenced = new Set<number>()
  #epoch = -1
  #lastEpoch = -1
  /** Whose transaction was aborted; nothing opens another before the epoch is renewed. */
  #goneEpoch = -1
  #state: 'empty' | 'open' | 'committed' | 'aborted' = 'empty'
  #open: number[] = []
  #openOffsets: number[] = []
  #late: { after: number; deliver: () => unknown }[] = []

  constructor(protocol: 1 | 2, planned: readonly Fault[]) {
    this.#protocol = protocol
    this.#faults = [...planned]
  }

  async send<Request, Response>(
    _to: Destination,
    kind: RequestKind<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const epoch = epochOf(kind.name, request)
    if (this.#fenced.has(epoch)) this.violations.push(`${kind.name} after it was fenced`)
    await setImmediate()
    try {
      const response = this.#answer(kind.name, request, epoch)
      await setImmediate()
      if (isFence(response)) this.#fenced.add(epoch)
      return response as Response
    } catch (thrown) {
      await setImmediate()
      if (isFence(thrown)) this.#fenced.add(epoch)
      throw thrown
    }
  }

  retry<Request, Response>(
    to: Destination,
    kind: RequestKind<Request, Response>,
    request: Request,
  ): Promise<Response> {
    return this.send(to, kind, request)
  }

  topics(names: readonly TopicName[]): Promise<ReadonlyMap<TopicName, TopicMetadata>> {
    const of = (name: TopicName): TopicMetadata => ({
      name,
      topicId: '',
      partitions: [0, 1].map((partition) => ({
        topic: name,
        partition: partition as never,
        leader: partition,
        replicas: [partition],
      })),
    })
    return Promise.resolve(new Map(names.map((name) => [name, of(name)])))
  }

  forgetTopics(): void {
    // Leaders never move here.
  }

  forgetCoordinator(): void {
    // Nor do coordinators.
  }

  featureLevel(): Promise<number> {
    return Promise.resolve(this.#protocol)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #answer(name: string, request: unknown, epoch: number): unknown {
    const fault = this.#faults.shift() ?? 'none'
    this.#deliverLate()
    if (fault === 'lost before') throw lost(name)
    if (fault.startsWith('late by ')) {
      const after = Number(fault.slice('late by '.length))
      const copy = copyOf(name, request)
      this.#late.push({ after, deliver: () => this.#execute(name, copy, epoch) })
      throw lost(name)
    }
    if (fault === 'rival') this.#rival()
    const code = codes[fault as keyof typeof codes] as number | undefined
    const applies = answersTo[fault]?.includes(name) ?? true
    if (fault === 'gone' && applies && epoch === this.#epoch) {
      this.#goneEpoch = epoch
      this.#clear('aborted')
    }
    if (code !== undefined && applies) return failed(name, request, code)
    const response = this.#execute(name, request, epoch)
    if (fault === 'lost after') throw lost(name)
    return response
  }

  /** Requests that were on their way for long; nobody waits for their answers. */
  #deliverLate(): void {
    for (const late of this.#late) late.after--
    const due = this.#late.filter(({ after }) => after <= 0)
    this.#late = this.#late.filter(({ after }) => after > 0)
    for (const { deliver } of due) {
      try {
        deliver()
      } catch {
        // Refused: it came from an epoch that is over.
      }
    }
  }

  #execute(name: string, request: unknown, epoch: number): unknown {
    if (name === 'InitProducerId') return this.#initialize(epoch)
    if (name === 'EndTxn') return this.#end(request as EndTxnRequest, epoch)
    if (epoch !== this.#epoch) return failed(name, request, name === 'Produce' ? 47 : fencedCode)
    if (epoch === this.#goneEpoch) return failed(name, request, codes.gone)
    if (name === 'Produce') return this.#produce(request as ProduceRequest)
    this.#state = 'open'
    if (name === 'TxnOffsetCommit') {
      const { offsets } = request as TxnOffsetCommitRequest
      // Sent again it replaces what it sent before.
      for (const { offset } of offsets) {
        if (!this.#openOffsets.includes(offset)) this.#openOffsets.push(offset)
      }
    }
    return name === 'AddOffsetsToTxn' ? null : []
  }

  /** TransactionMetadata.prepareIncrementProducerEpoch, and the abort of what is open. */
  #initialize(epoch: number): ProducerIdentity {
    if (this.#state === 'open') {
      this.#rival()
      throw failureOfCode(codes.concurrent, 'InitProducerId')
    }
    if (epoch === -1 || epoch === this.#epoch) {
      this.#lastEpoch = epoch
      this.#epoch++
      this.#state = 'empty'
    } else if (epoch !== this.#lastEpoch) throw failureOfCode(fencedCode, 'InitProducerId')

    return { producerId: 1n, epoch: this.#epoch }
  }

  #end({ outcome }: EndTxnRequest, epoch: number): ProducerIdentity | null {
    const done = outcome === 'commit' ? 'committed' : 'aborted'
    const isRepeat = this.#protocol === 2 && epoch === this.#lastEpoch && epoch === this.#epoch - 1
    const renewed = () => (this.#protocol === 2 ? { producerId: 1n, epoch: this.#epoch } : null)
    if (epoch !== this.#epoch && !isRepeat) throw failureOfCode(fencedCode, 'EndTxn')
    if (this.#state !== 'open') {
      const isAnswered = this.#state === done && (isRepeat || this.#protocol === 1)
      const isNoop = this.#protocol === 2 && !isRepeat && outcome === 'abort'
      if (!isAnswered && !isNoop) throw failureOfCode(48, 'EndTxn')
      if (isNoop) this.#bump()
      return renewed()
    }
    if (isRepeat) throw failureOfCode(fencedCode, 'EndTxn')
    if (outcome === 'commit') {
      this.transactions++
      if (String([...this.#open].sort()) !== String([...this.#openOffsets].sort())) {
        this.violations.push(`torn: ${String(this.#open)} with ${String(this.#openOffsets)}`)
      }
      this.committed.push(...this.#open)
      this.committedOffsets.push(...this.#openOffsets)
    }
    this.#clear(done)
    if (this.#protocol === 2) this.#bump()
    return renewed()
  }

  #produce({ batches }: ProduceRequest): ProduceResult[] {
    const wasAdded = this.#protocol === 2 || this.#state === 'open'
    return batches.map(({ topic, partition, bytes }) => {
      const result = { topic, partition, detail: null, baseOffset: 0 as Offset }
      if (!wasAdded) return { ...result, code: 48 }
      this.#state = 'open'
      const values = decodeBatch(bytes, 0 as Offset).map(({ value }) => Number(value))
      const placed = this.#place(partition, bytes.readInt32BE(headerAt.baseSequence), values)
      if (placed === null) return { ...result, code: 45 }
      return { ...result, code: 0, baseOffset: placed as Offset }
    })
  }

  /** By sequence, as a leader does; null where one before it is missing. */
  #place(partition: number, sequence: number, values: readonly number[]): number | null {
    let sequences = this.#sequences.get(partition)
    if (sequences === undefined || sequences.epoch !== this.#epoch) {
      sequences = { epoch: this.#epoch, next: 0, known: new Map() }
      this.#sequences.set(partition, sequences)
    }
    const known = sequences.known.get(sequence)
    if (known !== undefined) return known
    if (sequence !== sequences.next) return null
    const offset = this.#nextOffsets[partition] ?? 0
    this.#nextOffsets[partition] = offset + values.length
    sequences.next += values.length
    sequences.known.set(sequence, offset)
    this.#open.push(...values)
    return offset
  }

  /** Another producer's InitProducerId, or the coordinator's own fence of what is open. */
  #rival(): void {
    if (this.#epoch < 0) return
    this.#epoch++
    this.#lastEpoch = -1
    this.#clear(this.#state === 'open' ? 'aborted' : 'empty')
  }

  #bump(): void {
    this.#lastEpoch = this.#epoch
    this.#epoch++
  }

  #clear(state: 'empty' | 'committed' | 'aborted'): void {
    this.#state = state
    this.#open = []
    this.#openOffsets = []
  }
}

function lost(name: string): TidemarkError {
  return new TidemarkError('KAFKA_UNREACHABLE', `${name}: no answer`)
}

function epochOf(name: string, request: unknown): number {
  if (name !== 'Produce') return (request as InTransaction).epoch
  const [batch] = (request as ProduceRequest).batches
  return batch?.bytes.readInt16BE(headerAt.producerEpoch) ?? -1
}

/** Batches are stamped anew when they are sent again. */
function copyOf(name: string, request: unknown): unknown {
  if (name !== 'Produce') return request
  const { batches, ...rest } = request as ProduceRequest
  return { ...rest, batches: batches.map((one) => ({ ...one, bytes: Buffer.from(one.bytes) })) }
}

/** The code for all that was asked: thrown, or in the answer where the request has codes of its own. */
function failed(name: string, request: unknown, code: number): unknown {
  if (!hasPartitionCodes.has(name)) throw failureOfCode(code, name)
  if (name === 'Produce') {
    const { batches } = request as ProduceRequest
    return batches.map(({ topic, partition }) => {
      return { topic, partition, code, detail: null, baseOffset: -1 as Offset }
    })
  }
  const parts =
    name === 'TxnOffsetCommit'
      ? (request as TxnOffsetCommitRequest).offsets
      : (request as AddPartitionsToTxnRequest).partitions
  return parts.map(({ topic, partition }) => ({ topic, partition, code }))
}

function isFence(answer: unknown): boolean {
  const parts = Array.isArray(answer) ? (answer as { code: number }[]) : [answer]
  return parts.some((one) => {
    const code = (one as { code?: unknown } | null)?.code
    return code === fencedCode || code === 47
  })
}
