/** An instance in a process of its own, as a user runs it: started, asked over HTTP, stopped or killed. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readInstanceFile } from '../../../src/app/instance-file.ts'
import { portsOf, type Ports } from '../../../src/app/ports.ts'
import { until } from './until.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface InstanceFlags {
  /** Default: the one of this checkout. */
  readonly program?: string
  readonly dataDir: string
  readonly portOffset: number
  /** More of the command's arguments. */
  readonly words?: readonly string[]
  /** Beside what this process has, without its settings. */
  readonly environment?: Readonly<Record<string, string>>
}

const ownProgram = fileURLToPath(new URL('../../../bin/tidemark.js', import.meta.url))
const outputCharactersMax = 20_000
const readyAnswerMaxMs = 2_000
const running = new Set<InstanceProcess>()

/** Whatever a failed test left running. */
export async function killAllInstances(): Promise<void> {
  await Promise.all([...running].map((instance) => instance.end('SIGKILL')))
}

export class InstanceProcess {
  readonly ports: Ports
  readonly exited: Promise<Exit>
  /** What it printed, both streams; the end of it. */
  output = ''
  readonly #child: ChildProcess
  readonly #dataDir: string
  #exit: Exit | null = null

  constructor(flags: InstanceFlags) {
    const { program = ownProgram, dataDir, portOffset, words = [], environment = {} } = flags
    this.ports = portsOf(portOffset)
    this.#dataDir = dataDir
    const place = ['--data-dir', dataDir, '--port-offset', String(portOffset)]
    this.#child = spawn(process.execPath, [program, 'up', '--no-samples', ...place, ...words], {
      cwd: tmpdir(),
      env: { ...withoutSettings(process.env), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-outputCharactersMax)
      })
    }
    running.add(this)
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        running.delete(this)
        this.#exit = { code, signal }
        resolve(this.#exit)
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Resolves when it says that it is ready; rejects with what it printed where it ends before. */
  async ready(): Promise<void> {
    await this.#until('the instance says that it is ready', async () => {
      const signal = AbortSignal.timeout(readyAnswerMaxMs)
      const response = await fetch(this.url('console', '/readyz'), { signal }).catch(() => null)
      await response?.body?.cancel()
      return response?.ok === true
    })
    // Or a signal would hit something that stands before the instance, and not the instance.
    assert.equal(readInstanceFile(this.#dataDir)?.pid, this.pid)
  }

  /** Resolves when there is such a file in the data directory; rejects as `ready` does. */
  fileAppears(name: string): Promise<void> {
    return this.#until(`${name} is in the data directory`, () =>
      existsSync(join(this.#dataDir, name)),
    )
  }

  /** Resolves when it has printed the text; rejects as `ready` does. */
  prints(text: string): Promise<void> {
    return this.#until(`it prints ${text}`, () => this.output.includes(text))
  }

  async #until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, async () => {
      if (await ask()) return true
      if (this.#exit === null) return null
      throw new Error(`${what}: ended before, ${describe(this.#exit)}\n${this.output}`)
    })
  }

  url(door: keyof Ports, path = ''): string {
    return `http://127.0.0.1:${this.ports[door]}${path}`
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  end(name: NodeJS.Signals): Promise<Exit> {
    this.signal(name)
    return this.exited
  }

  /** Everything acknowledged before is queryable after. */
  async idle(): Promise<void> {
    await until('all facts are queryable', async () => {
      const response = await fetch(this.url('console', '/api/idle?timeout_ms=10000'))
      const { idle } = (await response.json()) as { idle: boolean }
      return idle ? true : null
    })
  }
}

export function describe({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`
}

const clusterVariables = ['KAFKA_BOOTSTRAP_SERVERS', 'SCHEMA_REGISTRY_URL', 'CLICKHOUSE_URL']

/** A setting of whoever runs the tests is not the tests'. */
export function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isSetting = (name: string) =>
    name.startsWith('TIDEMARK_') || clusterVariables.includes(name)
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isSetting(name)))
}
