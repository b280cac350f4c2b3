/**
 * What a transaction says to its coordinators. The last versions are of KIP-890: EndTxn 5 returns the bumped epoch,
 * TxnOffsetCommit 5 adds the group by itself. AddPartitionsToTxn ends at 3, its later versions are among brokers.
 * Source: https://kafka.apache.org/protocol (InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit).
 */
import type { Reader, Writer } from '@platformatic/kafka'

import type { TopicPartition } from '../../../core/record.ts'
import type { GroupMetadata, PartitionOffset } from '../../log.ts'
import { failureOfCode } from '../connections/failures.ts'
import type { RequestKind } from '../kafka-cluster.ts'
import { ownVersion, readPartitionCodes, writeByTopic } from './own-request.ts'
import type { PartitionCode } from './own-request.ts'

/** The greatest versions of the first transaction protocol. */
export const firstProtocolMax = { endTxn: 4, txnOffsetCommit: 4, produce: 11 } as const

export interface ProducerIdentity {
  /** −1 asks for a new one. */
  readonly producerId: bigint
  readonly epoch: number
}

export interface InTransaction extends ProducerIdentity {
  readonly transactionalId: string
}

export interface InitProducerIdRequest extends InTransaction {
  readonly timeoutMs: number
}

export interface AddPartitionsToTxnRequest extends InTransaction {
  readonly partitions: readonly TopicPartition[]
}

export interface AddOffsetsToTxnRequest extends InTransaction {
  readonly groupId: string
}

export interface EndTxnRequest extends InTransaction {
  readonly outcome: 'commit' | 'abort'
}

export interface TxnOffsetCommitRequest extends InTransaction {
  readonly group: GroupMetadata
  readonly offsets: readonly PartitionOffset[]
}

export const initProducerIdRequest: RequestKind<InitProducerIdRequest, ProducerIdentity> = {
  name: 'InitProducerId',
  apiKey: 22,
  versions: [5, 4].map((version) =>
    ownVersion(22, version, writeInitProducerId, (reader) => {
      readCode(reader, 'InitProducerId')
      return { producerId: reader.readInt64(), epoch: reader.readInt16() }
    }),
  ),
}

/** The codes of all partitions, the good ones too. */
export const addPartitionsToTxnRequest: RequestKind<
  AddPartitionsToTxnRequest,
  readonly PartitionCode[]
> = {
  name: 'AddPartitionsToTxn',
  apiKey: 24,
  versions: [
    ownVersion(24, 3, writeAddPartitions, (reader) => {
      reader.readInt32()
      return readPartitionCodes(reader)
    }),
  ],
}

export const addOffsetsToTxnRequest: RequestKind<AddOffsetsToTxnRequest, null> = {
  name: 'AddOffsetsToTxn',
  apiKey: 25,
  versions: [4, 3].map((version) =>
    ownVersion(25, version, writeAddOffsets, (reader) => {
      readCode(reader, 'AddOffsetsToTxn')
      return null
    }),
  ),
}

/** The identity of the next transaction where the version returns it, else null: it stays the same. */
export const endTxnRequest: RequestKind<EndTxnRequest, ProducerIdentity | null> = {
  name: 'EndTxn',
  apiKey: 26,
  versions: [5, 4, 3].map((version) =>
    ownVersion(26, version, writeEndTxn, (reader) => {
      readCode(reader, 'EndTxn')
      return version < 5 ? null : { producerId: reader.readInt64(), epoch: reader.readInt16() }
    }),
  ),
}

/** The codes of all partitions, the good ones too. */
export const txnOffsetCommitRequest: RequestKind<TxnOffsetCommitRequest, readonly PartitionCode[]> =
  {
    name: 'TxnOffsetCommit',
    apiKey: 28,
    versions: [5, 4, 3].map((version) =>
      ownVersion(28, version, writeTxnOffsetCommit, (reader) => {
        reader.readInt32()
        return readPartitionCodes(reader)
      }),
    ),
  }

function writeInitProducerId(writer: Writer, request: InitProducerIdRequest): void {
  writer
    .appendString(request.transactionalId)
    .appendInt32(request.timeoutMs)
    .appendInt64(request.producerId)
    .appendInt16(request.epoch)
}

function writeAddPartitions(writer: Writer, request: AddPartitionsToTxnRequest): void {
  writeIdentity(writer, request)
  writeByTopic(
    writer,
    request.partitions,
    (partitionWriter, { partition }) => {
      partitionWriter.appendInt32(partition)
    },
    false,
  )
}

function writeAddOffsets(writer: Writer, request: AddOffsetsToTxnRequest): void {
  writeIdentity(writer, request)
  writer.appendString(request.groupId)
}

function writeEndTxn(writer: Writer, request: EndTxnRequest): void {
  writeIdentity(writer, request)
  writer.appendBoolean(request.outcome === 'commit')
}

function writeTxnOffsetCommit(writer: Writer, request: TxnOffsetCommitRequest): void {
  const { group, offsets } = request
  writer
    .appendString(request.transactionalId)
    .appendString(group.groupId)
    .appendInt64(request.producerId)
    .appendInt16(request.epoch)
    .appendInt32(group.generationId)
    .appendString(group.memberId)
    .appendString(group.groupInstanceId ?? null)
  writeByTopic(writer, offsets, writeOffset)
}

/** `partition_index committed_offset committed_leader_epoch committed_metadata`, of OffsetCommit too. */
export function writeOffset(writer: Writer, offset: PartitionOffset): void {
  writer
    .appendInt32(offset.partition)
    .appendInt64(BigInt(offset.offset))
    .appendInt32(-1)
    .appendString(offset.metadata ?? null)
}

function writeIdentity(writer: Writer, request: InTransaction): void {
  writer
    .appendString(request.transactionalId)
    .appendInt64(request.producerId)
    .appendInt16(request.epoch)
}

/** `throttle_time_ms error_code`. */
function readCode(reader: Reader, request: string): void {
  reader.readInt32()
  const code = reader.readInt16()
  if (code !== 0) throw failureOfCode(code, request)
}
