/** `tidemark` as a person runs it: a process with arguments, output and an exit code. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { portsOf } from '../../../src/app/ports.ts'
import { freePortOffset } from '../support/free-port-offset.ts'

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
  const offset = await freePortOffset()
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
    ports: Object.values(portsOf(offset)),
    dataDir,
    url: (door) => urls[door] ?? '',
    stop: async () => {
      process.kill(pid, 'SIGTERM')
      return (await ended)[0]
    },
  }
}
