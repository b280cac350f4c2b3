import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { storageSuite } from './lake-storage.test-suite.ts'
import { motoMissing, motoProgram, startMoto, type MotoServer } from './moto-server.test-support.ts'
import { S3Storage, type S3StorageOptions } from './s3-storage.ts'

const program = motoProgram()

describe('a bucket of an S3 server', { skip: program === null ? motoMissing : false }, () => {
  let server: MotoServer
  let workDirectory: string
  let buckets = 0

  before(async () => {
    workDirectory = await mkdtemp(join(tmpdir(), 'tidemark-s3-'))
    server = await startMoto(program ?? '')
  })
  after(async () => {
    await server.stop()
    await rm(workDirectory, { recursive: true })
  })

  function optionsOf(bucket: string, more: Partial<S3StorageOptions> = {}): S3StorageOptions {
    const { endpoint, credentials } = server
    const fixed = { provider: 's3', region: null, prefix: 'some/lake', clock: systemClock } as const
    return { ...fixed, bucket, endpoint, credentials, workDirectory, ...more }
  }

  async function newBucket(): Promise<string> {
    const bucket = `lake-${(buckets += 1)}`
    await server.createBucket(bucket)
    return bucket
  }

  storageSuite('a bucket', async () => new S3Storage(optionsOf(await newBucket())))

  test('more names than one page has are all listed, and those beside the prefix are not', async () => {
    const bucket = await newBucket()
    const beside = new S3Storage(optionsOf(bucket, { prefix: '' }))
    await beside.putText('other', 'text')
    const storage = new S3Storage(optionsOf(bucket, { pageNamesMax: 5 }))
    const names = Array.from({ length: 12 }, (_, index) => `raw/${index}`)
    for (const name of names) await storage.putText(name, 'x')
    const listed: string[] = []
    for await (const { path } of storage.list('')) listed.push(path)
    assert.deepEqual(listed.sort(), names.sort())
    await storage.close()
    await beside.close()
  })

  test('a file has the class that it is put in, and one that it is moved to, with the same content', async () => {
    const storage = new S3Storage(optionsOf(await newBucket(), { prefix: 'a lake/ü' }))
    const put = async (path: string, storageClass: string | null) => {
      const file = await storage.workFile()
      await writeFile(file, path)
      await storage.putFile(path, file, storageClass)
    }
    await put('raw/a=1/x.parquet', 'STANDARD_IA')
    await put('raw/a=1/y.parquet', null)
    await storage.putText('raw/a=1/_metadata.json', '{}')
    const classes = async () => {
      const found = await Array.fromAsync(storage.list('raw/'))
      return Object.fromEntries(found.map(({ path, storageClass }) => [path, storageClass]))
    }
    const before = { 'raw/a=1/_metadata.json': 'STANDARD', 'raw/a=1/y.parquet': 'STANDARD' }
    assert.deepEqual(await classes(), { ...before, 'raw/a=1/x.parquet': 'STANDARD_IA' })
    assert.equal(await storage.changeClass('raw/a=1/x.parquet', 'GLACIER_IR'), true)
    assert.deepEqual(await classes(), { ...before, 'raw/a=1/x.parquet': 'GLACIER_IR' })
    assert.equal(String(await storage.read('raw/a=1/x.parquet')), 'raw/a=1/x.parquet')
    assert.equal(await storage.changeClass('raw/none', 'GLACIER_IR'), false)
    await assert.rejects(put('raw/a=1/z.parquet', 'LUKEWARM'), { code: 'LAKE_REFUSED' })
    await storage.close()
  })

  test('a bucket that does not exist is refused, and told by its name', async () => {
    const storage = new S3Storage(optionsOf('nowhere'))
    const refused = { code: 'LAKE_REFUSED', message: /s3:\/\/nowhere\/some\/lake.*NoSuchBucket/ }
    await assert.rejects(storage.putText('x', 'text'), refused)
    await assert.rejects(storage.read('x'), refused)
    await storage.close()
  })
})

test('a server that does not answer is unreachable, which may pass', async () => {
  const workDirectory = join(tmpdir(), 'tidemark-s3-none')
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  // Port 1 of loopback: nobody listens there.
  const endpoint = 'http://127.0.0.1:1'
  const storage = new S3Storage({
    ...{ provider: 's3', bucket: 'lake', prefix: '', region: null, endpoint, credentials },
    ...{ workDirectory, clock: systemClock },
  })
  await assert.rejects(storage.read('x'), {
    code: 'LAKE_UNREACHABLE',
    message: /s3:\/\/lake\/ cannot be reached/,
  })
  await storage.close()
})

test('Google is asked for a new name in a header of its own, and says no to a taken one', async () => {
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['x-goog-if-generation-match']}`)
    response.writeHead(412).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const storage = new S3Storage({
    ...{ provider: 'gcs', bucket: 'lake', prefix: 'a', region: null, clock: systemClock },
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    endpoint: `http://127.0.0.1:${port}`,
    workDirectory: join(tmpdir(), 'tidemark-s3-none'),
  })
  assert.equal(await storage.createText('_lock.json', 'one'), false)
  assert.deepEqual(asked, ['PUT /lake/a/_lock.json?x-id=PutObject 0'])
  assert.equal(storage.location, 'gs://lake/a')
  await storage.close()
  server.close()
})
