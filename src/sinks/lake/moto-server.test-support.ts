/**
 * A real S3 server for tests: moto (https://docs.getmoto.org, server mode), which speaks the protocol over HTTP, with
 * conditional writes and pages of names. `tools/ci/install-moto.sh` brings `moto_server`; TIDEMARK_TEST_MOTO names another.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'

const credentials = { accessKeyId: 'tester', secretAccessKey: 'no secret' }

/** As the script calls it. */
const motoFolder = 'moto-5.2.5'

export interface MotoServer {
  readonly endpoint: string
  readonly credentials: typeof credentials
  createBucket(name: string): Promise<void>
  stop(): Promise<void>
}

export const motoMissing = 'there is no moto_server here: tools/ci/install-moto.sh'

/** Null where it is not installed. */
export function motoProgram(): string | null {
  const named = process.env['TIDEMARK_TEST_MOTO']
  if (named !== undefined) return named
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const own = join(cache, 'tidemark', motoFolder, 'bin')
  const folders = [own, ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, 'moto_server')).find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export async function startMoto(program: string): Promise<MotoServer> {
  const server = spawn(program, ['-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endpoint = await endpointOf(server)
  const client = new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true, credentials })
  return {
    endpoint,
    credentials,
    createBucket: async (name) => {
      await client.send(new CreateBucketCommand({ Bucket: name }))
    },
    stop: async () => {
      client.destroy()
      const ended = once(server, 'exit')
      server.kill()
      await ended
    },
  }
}

async function endpointOf(server: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString('utf8')
      const found = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)
      if (found?.[1] !== undefined) resolve(found[1])
    }
    server.stdout?.on('data', hear)
    server.stderr?.on('data', hear)
    server.once('error', reject)
    server.once('exit', (code) => {
      reject(new Error(`moto_server ended with ${code}: ${said}`))
    })
  })
}
