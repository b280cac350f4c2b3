/** Starts, kills and restarts a ClickHouse of a test's own, in its own directory and always on the same port. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const child = new URL('clickhouse-server.test-child.ts', import.meta.url).pathname

export class ClickHouseProcess {
  readonly url: string
  readonly #directory: string
  readonly #port: number
  readonly #credentials: readonly string[]
  #process: ChildProcess | null = null

  static async start(credentials: readonly [user: string, password: string] | [] = []) {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-clickhouse-server-'))
    const server = new ClickHouseProcess(directory, await freePort(), credentials)
    await server.start()
    return server
  }

  private constructor(directory: string, port: number, credentials: readonly string[]) {
    this.#directory = directory
    this.#port = port
    this.#credentials = credentials
    this.url = `http://127.0.0.1:${port}`
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const started = spawn(
      process.execPath,
      [child, join(this.#directory, 'data'), String(this.#port), ...this.#credentials],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    this.#process = started
    const lines = createInterface({ input: started.stdout })
    const [first] = await Promise.race([
      once(lines, 'line') as Promise<[string]>,
      once(started, 'exit').then(() => [''] as [string]),
    ])
    if (!first.startsWith('http')) throw new Error('the ClickHouse process has ended at its start')
  }

  /** With `SIGKILL` what it had not on the disk is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const running = this.#process
    this.#process = null
    if (running === null || running.exitCode !== null) return
    const ended = once(running, 'exit')
    running.kill(signal)
    await ended
  }

  /** As one that was restored from nothing: the same address, and no table. */
  async lose(): Promise<void> {
    await this.stop('SIGKILL')
    await rm(join(this.#directory, 'data'), { recursive: true, force: true })
    await this.start()
  }

  /** Connections stay, and nobody answers. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.#directory, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
