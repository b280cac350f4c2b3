/** Starts, kills and restarts a schema registry of a test's own, on its own data and always on the same port. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('registry-server.test-child.ts', import.meta.url))

export class RegistryProcess {
  readonly #directory: string
  #url = ''
  #process: ChildProcess | null = null

  static async start(): Promise<RegistryProcess> {
    const registry = new RegistryProcess(await mkdtemp(join(tmpdir(), 'tidemark-registry-')))
    await registry.start()
    return registry
  }

  private constructor(directory: string) {
    this.#directory = directory
  }

  get url(): string {
    return this.#url
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    // The first start takes a free port, the later ones the same.
    const port = this.#url === '' ? '0' : new URL(this.#url).port
    const started = spawn(process.execPath, [program, join(this.#directory, 'data'), port], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#process = started
    const [first] = await Promise.race([
      once(createInterface({ input: started.stdout }), 'line') as Promise<[string]>,
      once(started, 'exit').then((): [string] => ['']),
    ])
    if (!first.startsWith('http')) throw new Error('the registry process has ended at its start')
    this.#url = first
  }

  /** With `SIGKILL` it has no time to say goodbye; what it had answered for stays. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const running = this.#process
    this.#process = null
    if (running === null || running.exitCode !== null) return
    const ended = once(running, 'exit')
    running.kill(signal)
    await ended
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.#directory, { recursive: true, force: true })
  }
}
