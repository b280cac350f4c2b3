/**
 * What is left of an event that was taken out for good: its place and its time. So offsets have no gaps that could be a loss, and
 * whoever reads the topic counts it (law 4).
 */
import type { ConsumerRecord, ProducerRecord } from './record.ts'

const erasedHeader = 'tidemark.erased'
const noBytes = Buffer.alloc(0)

export function erasedRecord({ offset, timestampMs }: ConsumerRecord): ConsumerRecord {
  return { offset, timestampMs, key: null, value: null, headers: [[erasedHeader, noBytes]] }
}

export function isErased({ key, value, headers }: ProducerRecord): boolean {
  if (key !== null || value !== null) return false
  return headers?.some(([name]) => name === erasedHeader) === true
}
