/**
 * Records between a source in one process and the ingest of another, as JSON: `application/vnd.tidemark.records.v1+json`.
 * Unlike the REST proxy's form it carries what quarantine keeps: the bytes as they came, and their place.
 */
import { isUtf8 } from 'node:buffer'
import { TidemarkError } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import type { Content } from '../quality/admission.ts'
import type { QuarantineSource } from '../quality/quarantine.ts'
import type { GivenKey } from '../quality/record-key.ts'
import type { IngestRecord, Original } from './ingest-port.ts'

export const remoteRecordsType = 'application/vnd.tidemark.records.v1+json'

interface RemoteRequest {
  readonly source: QuarantineSource
  readonly records: readonly RemoteRecord[]
}

type RemoteHeaders = readonly (readonly [name: string, base64: string])[]

type RemoteContent =
  | { readonly text: string }
  | { readonly bytes: string }
  | { readonly json: unknown }
  | { readonly framed: string | null }
  | Extract<Content, { form: 'unreadable' }>

interface RemoteOriginal {
  readonly format: Original['format']
  readonly value: string | null
  readonly key: string | null
  readonly headers: RemoteHeaders
}

interface RemoteRecord {
  readonly content: RemoteContent
  readonly key?: { readonly json: unknown } | { readonly bytes: string } | undefined
  readonly timestampMs?: number | undefined
  readonly partition?: number | undefined
  readonly location?: string | undefined
  readonly headers?: RemoteHeaders | undefined
  readonly original?: RemoteOriginal | undefined
}

export function writeRemoteRecords(
  records: readonly IngestRecord[],
  source: QuarantineSource,
): string {
  const request: RemoteRequest = {
    source,
    records: records.map(({ content, key, headers, original, ...rest }) => ({
      ...rest,
      content: remoteContent(content),
      key:
        key === undefined
          ? undefined
          : key.form === 'json'
            ? { json: key.json }
            : { bytes: key.bytes.toString('base64') },
      headers: headers === undefined ? undefined : remoteHeaders(headers),
      original: remoteOriginal(typeof original === 'function' ? original() : original),
    })),
  }
  return JSON.stringify(request)
}

/** @throws TidemarkError REQUEST_INVALID */
export function readRemoteRecords(body: string): {
  readonly source: QuarantineSource
  readonly records: readonly IngestRecord[]
} {
  try {
    const { source, records } = JSON.parse(body) as RemoteRequest
    return { source, records: records.map(localRecord) }
  } catch (cause) {
    throw new TidemarkError('REQUEST_INVALID', `the body is not ${remoteRecordsType}`, { cause })
  }
}

function localRecord({ content, key, headers, original, ...rest }: RemoteRecord): IngestRecord {
  return {
    ...rest,
    content: localContent(content),
    key: key === undefined ? undefined : localKey(key),
    headers: headers === undefined ? undefined : localHeaders(headers),
    original:
      original === undefined
        ? undefined
        : {
            format: original.format,
            value: original.value === null ? null : Buffer.from(original.value, 'base64'),
            key: original.key === null ? null : Buffer.from(original.key, 'base64'),
            headers: localHeaders(original.headers),
          },
  }
}

function remoteOriginal(original: Original | undefined): RemoteOriginal | undefined {
  if (original === undefined) return undefined
  return {
    format: original.format,
    value: original.value?.toString('base64') ?? null,
    key: original.key?.toString('base64') ?? null,
    headers: remoteHeaders(original.headers ?? []),
  }
}

function remoteContent(content: Content): RemoteContent {
  switch (content.form) {
    case 'text':
      return isUtf8(content.bytes)
        ? { text: content.bytes.toString('utf8') }
        : { bytes: content.bytes.toString('base64') }
    case 'json':
      return { json: content.json }
    case 'framed':
      return { framed: content.bytes?.toString('base64') ?? null }
    case 'unreadable':
      return content
  }
}

function localContent(content: RemoteContent): Content {
  if ('text' in content) return { form: 'text', bytes: Buffer.from(content.text) }
  if ('bytes' in content) return { form: 'text', bytes: Buffer.from(content.bytes, 'base64') }
  if ('json' in content) return { form: 'json', json: content.json }
  if ('form' in content) return content
  const { framed } = content
  return { form: 'framed', bytes: framed === null ? null : Buffer.from(framed, 'base64') }
}

function localKey(key: { json: unknown } | { bytes: string }): GivenKey {
  if ('json' in key) return { form: 'json', json: key.json }
  return { form: 'bytes', bytes: Buffer.from(key.bytes, 'base64') }
}

function remoteHeaders(headers: Headers): RemoteHeaders {
  return headers.map(([name, value]) => [name, value.toString('base64')])
}

function localHeaders(headers: RemoteHeaders): Headers {
  return headers.map(([name, value]) => [name, Buffer.from(value, 'base64')])
}
