/** Java Kafka Streams as a process that answers cases; one a test file, since a start takes half a second. */
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { access, constants, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { javaProgram } from '../../../tools/kafka-streams/java-program.ts'
import type { Case, Outputs } from './case.ts'

const sources = fileURLToPath(new URL('../java', import.meta.url))
const errorCharactersMax = 10_000
/** Of Linux. */
const folderInMemory = '/dev/shm'

const suppliers = 'org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$'

/** In memory unless asked otherwise: a case takes a millisecond instead of thirty. */
const storesOf = {
  memory: `${suppliers}InMemoryDslStoreSuppliers`,
  rocksdb: `${suppliers}RocksDBDslStoreSuppliers`,
} as const

export type JudgeStores = keyof typeof storesOf

type Answer = { readonly steps: Outputs } | { readonly error: string }

export class Judge {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #folder: string
  readonly #lines: Interface
  readonly #waiting: {
    resolve(answer: string): void
    reject(reason: Error): void
  }[] = []
  #errors = ''

  /** @throws KafkaUnavailable where it cannot run on this machine */
  static async start(stores: JudgeStores): Promise<Judge> {
    const { command, arguments: args } = await javaProgram(sources)
    const folder = await mkdtemp(join(await storesFolder(), 'tidemark-judge-'))
    const options = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
    const main = ['judge.Judge', storesOf[stores], folder]
    return new Judge(spawn(command, [...options, ...args, ...main]), folder)
  }

  private constructor(process: ChildProcessWithoutNullStreams, folder: string) {
    this.#process = process
    this.#folder = folder
    this.#lines = createInterface({ input: process.stdout })
    this.#lines.on('line', (line) => this.#waiting.shift()?.resolve(line))
    process.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-errorCharactersMax)
    })
    process.on('close', () => {
      for (const { reject } of this.#waiting) reject(new Error(`the judge ended: ${this.#errors}`))
    })
  }

  async outputsOf(given: Case): Promise<Outputs> {
    const line = await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#process.stdin.write(`${JSON.stringify(given)}\n`)
    })
    const answer = JSON.parse(line) as Answer
    if ('error' in answer) throw new Error(`the judge fails on ${given.topology}: ${answer.error}`)
    return answer.steps
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#process.on('close', resolve))
    this.#process.stdin.end()
    await closed
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Disk stores (versioned tables have no others) sync their files as each case begins and ends; where the disk is busy
 * that takes most of the time, hence memory where the machine has a folder in it. A case takes up some megabytes. */
async function storesFolder(): Promise<string> {
  try {
    await access(folderInMemory, constants.W_OK)
    return folderInMemory
  } catch {
    return tmpdir()
  }
}
