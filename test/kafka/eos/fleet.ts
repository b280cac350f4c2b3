/** The instances of the driver as processes, which it kills, stops, freezes and starts again. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { assert } from '../../../src/core/assert.ts'
import type { HaltedRestore } from './restore-halt.ts'
import type { Sabotage } from './sabotage.ts'

export interface InstanceSettings {
  readonly instanceId: string
  readonly dataDir: string
  readonly bootstrapServers: string
  readonly registryUrl: string
  readonly clickhouseUrl: string
  readonly sabotage: Sabotage
  readonly numStandbyReplicas: number
  readonly transactionTimeoutMs: number
  /** Null: what the cluster has. */
  readonly protocolMax: 1 | 2 | null
  readonly isStatic: boolean
  readonly group: {
    readonly sessionTimeoutMs: number
    readonly heartbeatIntervalMs: number
    readonly rebalanceTimeoutMs: number
  }
}

const script = fileURLToPath(new URL('instance.ts', import.meta.url))
const startsInARowMax = 40

export class Instance {
  readonly id: string
  readonly #settings: InstanceSettings
  readonly #logPath: string
  #process: ChildProcess | null = null
  #isWanted = false
  #onLine: (line: string) => void = () => {}
  #ready: PromiseWithResolvers<undefined> = Promise.withResolvers()
  /** Ends by itself that nobody asked for, since the last time it was ready. */
  #endsInARow = 0
  /** Of the whole run. */
  ends = 0

  constructor(settings: InstanceSettings) {
    this.id = settings.instanceId
    this.#settings = settings
    this.#logPath = join(settings.dataDir, 'output.log')
    writeFileSync(this.#logPath, '')
  }

  get isRunning(): boolean {
    return this.#process !== null
  }

  /** Starts it, and again each time that it ends by itself, as Kubernetes would. */
  start(): void {
    this.#isWanted = true
    if (this.#process === null) this.#spawn()
  }

  /** Without the state it had, to stand still where `part` (0 to 1) of it is restored; resolves when it does so. */
  async startToHaltAtRestored(part: number): Promise<HaltedRestore> {
    assert(this.#process === null, `${this.id} is not running`)
    rmSync(join(this.#settings.dataDir, 'state'), { recursive: true, force: true })
    const halted = Promise.withResolvers<HaltedRestore>()
    this.#isWanted = true
    this.#spawn({ EOS_HALT_AT_RESTORED: String(part) })
    this.#onLine = (line) => {
      if (line.startsWith('{"halted"')) {
        halted.resolve((JSON.parse(line) as { halted: HaltedRestore }).halted)
      }
    }
    return halted.promise
  }

  /** When it is running and has its tables. */
  ready(): Promise<undefined> {
    return this.#ready.promise
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** As Kubernetes stops a pod: SIGTERM, then SIGKILL. */
  async terminate(): Promise<void> {
    const killer = setTimeout(() => this.#process?.kill('SIGKILL'), 30_000)
    await this.#end('SIGTERM')
    clearTimeout(killer)
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  output(): string {
    return readFileSync(this.#logPath, 'utf8').slice(-8_000)
  }

  #spawn(variables: Readonly<Record<string, string>> = {}): void {
    const child = spawn(process.execPath, [script], {
      env: {
        ...process.env,
        EOS_SETTINGS: JSON.stringify(this.#settings),
        EOS_INSTANCE: this.id,
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    const note = (chunk: Buffer) => {
      appendFileSync(this.#logPath, chunk)
      if (chunk.includes('"ready"')) {
        this.#endsInARow = 0
        this.#ready.resolve(undefined)
      }
    }
    child.stdout.on('data', note)
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#onLine(line)
    })
    child.stderr.on('data', note)
    child.once('exit', (code, signal) => {
      appendFileSync(this.#logPath, `-- ended: ${code ?? signal}\n`)
      this.#process = null
      this.#ready = Promise.withResolvers()
      this.#ready.promise.catch(() => {})
      if (!this.#isWanted) return
      this.ends += 1
      this.#endsInARow += 1
      if (this.#endsInARow < startsInARowMax) this.#spawn()
      else this.#ready.reject(new Error(`${this.id} does not start:\n${this.output()}`))
    })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#isWanted = false
    const child = this.#process
    if (child === null) return
    const exited = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill(signal)
    await exited
  }
}
