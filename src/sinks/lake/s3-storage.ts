/**
 * A lake in a bucket: S3, what speaks its protocol (MinIO, Ceph), and Google Cloud Storage by its S3-compatible interface
 * (https://cloud.google.com/storage/docs/interoperability), which takes HMAC keys.
 *
 *  1. A PUT is seen whole or not at all, by both services' own word; files are no larger than one PUT takes.
 *  2. `createText` asks for a write only where there is nothing: `If-None-Match: *` of S3,
 *     `x-goog-if-generation-match: 0` of Google.
 *  3. Classes of storage are sent with files alone: what is small and changes stays in the bucket's own class. Google takes
 *     its own names in S3's header.
 */
import { readFile, rm } from 'node:fs/promises'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type GetObjectCommandOutput,
  type StorageClass,
} from '@aws-sdk/client-s3'
import type { Clock } from '../../core/clock.ts'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { ByteRange, LakeObject, LakeStorage } from './lake-storage.ts'
import { WorkDirectory } from './work-directory.ts'

export interface S3StorageOptions {
  readonly provider: 's3' | 'gcs'
  readonly bucket: string
  /** Before every key, without a slash at its end; may be empty. */
  readonly prefix: string
  readonly region: string | null
  /** Of another service than the provider's own; buckets are then part of the path. */
  readonly endpoint: string | null
  /** Null: as the AWS SDK finds them (environment, profile, the role of the pod or machine). */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | null
  /** On this machine, for files that are being made. */
  readonly workDirectory: string
  readonly clock: Clock
  /** Names of one answer. */
  readonly pageNamesMax?: number
}

const googleEndpoint = 'https://storage.googleapis.com'
const attemptsMax = 4
const pageNamesMax = 1000
const connectTimeoutMs = 5_000
const requestTimeoutMs = 120_000

export class S3Storage implements LakeStorage {
  readonly location: string
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string
  readonly #isGoogle: boolean
  readonly #pageNamesMax: number
  readonly #work: WorkDirectory

  constructor(options: S3StorageOptions) {
    const { provider, bucket, prefix, workDirectory, clock } = options
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.#isGoogle = provider === 'gcs'
    this.location = `${this.#isGoogle ? 'gs' : 's3'}://${bucket}/${prefix}`
    this.#client = clientOf(options)
    this.#pageNamesMax = options.pageNamesMax ?? pageNamesMax
    this.#work = new WorkDirectory(workDirectory, clock)
  }

  workFile(): Promise<string> {
    return this.#work.file()
  }

  async putFile(path: string, file: string, storageClass: string | null): Promise<void> {
    // Whole, not as a stream: a request that failed can then be sent again.
    await this.#put(path, await readFile(file), storageClass)
    await rm(file)
  }

  putText(path: string, text: string): Promise<void> {
    return this.#put(path, text, null)
  }

  async createText(path: string, text: string): Promise<boolean> {
    const command = new PutObjectCommand({
      ...this.#at(path),
      Body: text,
      ...(this.#isGoogle ? {} : { IfNoneMatch: '*' }),
    })
    if (this.#isGoogle) addHeader(command, 'x-goog-if-generation-match', '0')
    try {
      await this.#client.send(command)
      return true
    } catch (thrown) {
      if (statusOf(thrown) === 412) return false
      throw this.#error(thrown)
    }
  }

  async read(path: string, range?: ByteRange): Promise<Buffer | null> {
    if (range !== undefined && range.start >= range.end) return Buffer.alloc(0)
    const found = await this.#get(path, range)
    if (found?.Body === undefined) return null
    try {
      return Buffer.from(await found.Body.transformToByteArray())
    } catch (thrown) {
      throw this.#error(thrown)
    }
  }

  async open(path: string): Promise<AsyncIterable<Uint8Array> | null> {
    const found = await this.#get(path)
    return found?.Body === undefined ? null : this.#pieces(found.Body as AsyncIterable<Uint8Array>)
  }

  async *list(prefix: string): AsyncGenerator<LakeObject> {
    let next: string | undefined
    do {
      const command: ListObjectsV2Command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: `${this.#prefix}${prefix}`,
        MaxKeys: this.#pageNamesMax,
        ...(next === undefined ? {} : { ContinuationToken: next }),
      })
      const page = await this.#told(() => this.#client.send(command))
      for (const { Key = '', Size = 0, LastModified, StorageClass } of page.Contents ?? []) {
        const path = Key.slice(this.#prefix.length)
        const modifiedMs = LastModified?.getTime() ?? 0
        yield { path, bytes: Size, modifiedMs, storageClass: StorageClass ?? null }
      }
      next = page.NextContinuationToken
    } while (next !== undefined)
  }

  async changeClass(path: string, storageClass: string): Promise<boolean> {
    const { Bucket, Key } = this.#at(path)
    const CopySource = [Bucket, ...Key.split('/')].map(encodeURIComponent).join('/')
    const command = new CopyObjectCommand({ Bucket, Key, CopySource, ...inClass(storageClass) })
    try {
      await this.#client.send(command)
      return true
    } catch (thrown) {
      if (isAbsent(thrown)) return false
      throw this.#error(thrown)
    }
  }

  async remove(path: string): Promise<void> {
    await this.#told(() => this.#client.send(new DeleteObjectCommand(this.#at(path))))
  }

  async close(): Promise<void> {
    this.#client.destroy()
    await this.#work.remove()
  }

  #at(path: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${path}` }
  }

  async #put(path: string, body: Buffer | string, storageClass: string | null): Promise<void> {
    const command = new PutObjectCommand({
      ...this.#at(path),
      Body: body,
      ...(storageClass === null ? {} : inClass(storageClass)),
    })
    await this.#told(() => this.#client.send(command))
  }

  async #get(path: string, range?: ByteRange): Promise<GetObjectCommandOutput | null> {
    const command = new GetObjectCommand({
      ...this.#at(path),
      ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
    })
    try {
      return await this.#client.send(command)
    } catch (thrown) {
      if (isAbsent(thrown)) return null
      throw this.#error(thrown)
    }
  }

  async *#pieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (thrown) {
      throw this.#error(thrown)
    }
  }

  async #told<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (thrown) {
      throw this.#error(thrown)
    }
  }

  #error(thrown: unknown): unknown {
    return storageError(thrown, this.location)
  }
}

function clientOf(options: S3StorageOptions): S3Client {
  const { provider, region, credentials } = options
  const endpoint = options.endpoint ?? (provider === 'gcs' ? googleEndpoint : null)
  return new S3Client({
    // Signatures name a region; services other than AWS do not look at it.
    region: region ?? (endpoint === null ? 'us-east-1' : 'auto'),
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === null ? {} : { credentials }),
    maxAttempts: attemptsMax,
    // Services other than AWS refuse the trailing checksums that are the default; the lake has checksums of its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  })
}

/** One that the SDK has no name for. */
function addHeader(command: PutObjectCommand, name: string, value: string): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> }
      request.headers[name] = value
      return next(args)
    },
    { step: 'build', name: 'tidemark-header' },
  )
}

/** The SDK's type has only Amazon's names. */
function inClass(storageClass: string): { readonly StorageClass: StorageClass } {
  return { StorageClass: storageClass as StorageClass }
}

function isAbsent(thrown: unknown): boolean {
  return (thrown as { name?: unknown } | null)?.name === 'NoSuchKey'
}

function statusOf(thrown: unknown): number | undefined {
  return (thrown as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode
}

/** An answer that says no, and no credentials to ask with: neither passes by itself. */
function storageError(thrown: unknown, location: string): unknown {
  if (thrown instanceof TidemarkError) return thrown
  const status = statusOf(thrown)
  const name = String((thrown as { name?: unknown } | null)?.name)
  const said = `${name}: ${messageOf(thrown)}`
  const details = { location }
  const isRefusal = status !== undefined && status >= 300 && status < 500 && status !== 429
  if (isRefusal || name === 'CredentialsProviderError') {
    const message = `the lake in ${location} refuses: ${said}; correct lake.location, lake.region or the credentials, or grant it`
    return new TidemarkError('LAKE_REFUSED', message, { cause: thrown, details })
  }
  const message = `the lake in ${location} cannot be reached: ${said}`
  return new TidemarkError('LAKE_UNREACHABLE', message, { cause: thrown, details })
}
