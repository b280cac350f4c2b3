/** An instance on a cluster, as a user runs it, in a process of its own: killed, frozen, thawed, stopped. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { portsOf, type Ports } from '../../../src/app/ports.ts'
import { until } from '../../integration/support/until.ts'
import { freePortOffset } from '../../integration/support/free-port-offset.ts'

export interface ClusterInstanceOptions {
  readonly bootstrapServers: string
  readonly registryUrl: string
  readonly clickhouseUrl: string
  readonly topologies: readonly string[]
  /** More of `tidemark up`. */
  readonly flags?: readonly string[]
}

const program = fileURLToPath(new URL('../../../bin/tidemark.js', import.meta.url))
const outputCharactersMax = 20_000
const readyMs = 120_000
const readyAnswerMs = 2_000

export class ClusterInstance {
  readonly #options: ClusterInstanceOptions
  readonly #dataDir: string
  readonly #portOffset: number
  #process: ChildProcess | null = null
  /** What it printed, both streams, over all its starts; the end of it. */
  output = ''

  /** Resolves when it is ready. */
  static async start(options: ClusterInstanceOptions): Promise<ClusterInstance> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-instance-'))
    const instance = new ClusterInstance(options, dataDir, await freePortOffset())
    await instance.start()
    return instance
  }

  private constructor(options: ClusterInstanceOptions, dataDir: string, portOffset: number) {
    this.#options = options
    this.#dataDir = dataDir
    this.#portOffset = portOffset
  }

  get ports(): Ports {
    return portsOf(this.#portOffset)
  }

  /** On the same data and ports as before. @throws Error with what it printed where it ends or is not ready */
  async start(): Promise<void> {
    const { bootstrapServers, registryUrl, clickhouseUrl, topologies, flags = [] } = this.#options
    const args = [
      ...['up', '--no-samples', '--data-dir', this.#dataDir],
      ...['--port-offset', String(this.#portOffset), '--topologies', topologies.join(',')],
      ...['--kafka-bootstrap-servers', bootstrapServers, '--registry-url', registryUrl],
      ...['--clickhouse-url', clickhouseUrl, ...flags],
    ]
    const child = spawn(process.execPath, [program, ...args], {
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-outputCharactersMax)
      })
    }
    await until('the instance is ready', () => this.#isReady(child), readyMs).catch(
      (cause: unknown) => {
        throw new Error(`the instance is not ready; it printed:\n${this.output}`, { cause })
      },
    )
  }

  async #isReady(child: ChildProcess): Promise<true | null> {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it has ended')
    const url = `http://127.0.0.1:${this.ports.console}/readyz`
    const signal = AbortSignal.timeout(readyAnswerMs)
    const response = await fetch(url, { signal }).catch(() => null)
    await response?.body?.cancel()
    return response?.ok === true ? true : null
  }

  /** Longer than the session: a zombie once it is thawed. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** @returns its exit code; null where it was killed or did not run */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return null
    const ended = once(child, 'close')
    child.kill('SIGCONT')
    child.kill(signal)
    const [code] = (await ended) as [number | null]
    return code
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}
