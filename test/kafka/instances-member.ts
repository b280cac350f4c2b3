/** An instance of the ledger as its parent sees it: a process that is started, stopped and killed. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type {
  MemberMessage,
  MemberSettings,
  MemberStatus,
  ShareChange,
} from './instances-member.test-child.ts'

export interface Change {
  readonly kind: ShareChange
  readonly partitions: readonly string[]
}

const program = fileURLToPath(new URL('instances-member.test-child.ts', import.meta.url))
const outputCharactersMax = 20_000
const noStatus: MemberStatus = { kind: 'status', tasks: [], restored: [], standbys: [] }

export class Member {
  readonly id: string
  /** What its process of now owns, as the group has told it. */
  readonly owned = new Set<string>()
  /** Of its process of now, since `changes` was emptied. */
  changes: Change[] = []
  /** A number for each start. */
  starts = 0
  output = ''
  readonly #settings: MemberSettings
  #process: ChildProcess | null = null
  #answer: ((status: MemberStatus) => void) | null = null

  constructor(settings: MemberSettings) {
    this.id = settings.instanceId
    this.#settings = settings
  }

  get isRunning(): boolean {
    return this.#process !== null
  }

  /** Resolves when its tasks may start. @throws Error with what it printed where it ends before that */
  async start(): Promise<void> {
    this.starts += 1
    this.changes = []
    const child = fork(program, [], {
      env: {
        ...process.env,
        MEMBER_SETTINGS: JSON.stringify(this.#settings),
        EOS_INSTANCE: this.id,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-outputCharactersMax)
      })
    }
    const ready = Promise.withResolvers<undefined>()
    child.on('message', (message: MemberMessage) => {
      if (message.kind === 'ready') ready.resolve(undefined)
      else this.#note(message)
    })
    child.once('exit', (code, signal) => {
      this.#process = null
      this.owned.clear()
      this.#answer?.(noStatus)
      ready.reject(new Error(`${this.id} has ended (${code ?? signal}):\n${this.output}`))
    })
    await ready.promise
  }

  /** Nothing where it does not run. */
  async status(): Promise<MemberStatus> {
    const child = this.#process
    if (child?.connected !== true) return noStatus
    return new Promise((resolve) => {
      this.#answer = resolve
      child.send('status')
    })
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process
    if (child === null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  #note(message: Exclude<MemberMessage, { readonly kind: 'ready' }>): void {
    if (message.kind === 'status') this.#answer?.(message)
    else if (message.kind === 'failed') this.output += message.message
    else {
      const { kind, partitions } = message
      this.changes.push({ kind, partitions })
      for (const id of partitions) {
        if (kind === 'assigned') this.owned.add(id)
        else this.owned.delete(id)
      }
    }
  }
}
