/** `tidemark` as a person runs it: a process with arguments, output and an exit code. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../../bin/tidemark.js', import.meta.url))
const startMaxMs = 60_000

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `wrapper`: what stands before the command, as `nsenter …`. */
export async function tidemark(
  words: readonly string[],
  wrapper: readonly string[] = [],
): Promise<Outcome> {
  const child = start(words, wrapper)
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

function start(words: readonly string[], wrapper: readonly string[]): ChildProcess {
  const [command = process.execPath, ...rest] = [...wrapper, process.execPath, program, ...words]
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEMARK_')),
  )
  return spawn(command, rest, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
}

export interface RunningInstance {
  readonly pid: number
  readonly ports: readonly number[]
  readonly dataDir: string
  url(door: 'console' | 'registry' | 'ingest' | 'clickhouse'): string
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** `tidemark up` on ports of its own; resolves when its doors are open. */
export async function up(
  dataDir: string,
  words: readonly string[] = [],
  wrapper: readonly string[] = [],
): Promise<RunningInstance> {
  const offset = await freeOffset()
  const all = ['up', '--no-samples', '--data-dir', dataDir, '--port-offset', String(offset)]
  const child = start([...all, ...words], wrapper)
  const ended = once(child, 'close') as Promise<[number | null]>
  let output = ''
  child.stderr?.on('data', (text: Buffer) => (output += text.toString()))
  await new Promise<void>((resolve, reject) => {
    const cut = setTimeout(
      () => reject(new Error(`not up within ${startMaxMs} ms: ${output}`)),
      startMaxMs,
    )
    child.stdout?.on('data', (text: Buffer) => {
      output += text.toString()
      if (!/ClickHouse +http/.test(output)) return
      clearTimeout(cut)
      resolve()
    })
    ended.then(
      ([code]) => {
        clearTimeout(cut)
        reject(new Error(`ended with ${code}: ${output}`))
      },
      (thrown: unknown) => reject(thrown as Error),
    )
  })
  const { pid, urls } = JSON.parse(readFileSync(join(dataDir, 'instance.json'), 'utf8')) as {
    pid: number
    urls: Record<string, string>
  }
  return {
    pid,
    ports: portsOf(offset),
    dataDir,
    url: (door) => urls[door] ?? '',
    stop: async () => {
      process.kill(pid, 'SIGTERM')
      return (await ended)[0]
    },
  }
}

function portsOf(offset: number): readonly number[] {
  return [8080, 8081, 8082, 8123].map((port) => port + offset)
}

async function freeOffset(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const offset = 2000 + ((process.pid * 131 + attempt * 977) % 20_000)
    const free = await Promise.all(portsOf(offset).map(isFree))
    if (free.every(Boolean)) return offset
  }
  throw new Error('no four free ports')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
