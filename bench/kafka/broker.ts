/** The broker of a benchmark, and the small Java programs that feed, make topics and read. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startKafka } from '../../tools/kafka/start-kafka.ts'
import type { Kafka } from '../../tools/kafka/start-kafka.ts'
import { javaProgram } from '../../tools/kafka-streams/java-program.ts'
import type { JavaProgram } from '../../tools/kafka-streams/java-program.ts'

const run = promisify(execFile)
const outputBytesMax = 1024 * 1024

export class BenchBroker {
  readonly bootstrapServers: string
  readonly java: JavaProgram
  readonly #kafka: Kafka

  /** @throws KafkaUnavailable without Java or Maven */
  static async start(): Promise<BenchBroker> {
    const java = await javaProgram(fileURLToPath(new URL('./java', import.meta.url)))
    // Run as a server is: heap to spare, and the compiler that takes its time.
    const kafka = await startKafka({ heapMb: 1024, jvmOptions: [] })
    return new BenchBroker(kafka, java)
  }

  private constructor(kafka: Kafka, java: JavaProgram) {
    this.bootstrapServers = kafka.bootstrapServers
    this.java = java
    this.#kafka = kafka
  }

  get pid(): number | undefined {
    return this.#kafka.brokers[0]?.pid
  }

  close(): Promise<void> {
    return this.#kafka.close()
  }

  /** What a program of ./java prints. */
  ask(program: Program, ...args: readonly string[]): Promise<string> {
    return this.askUntil(null, program, ...args)
  }

  /** @param signal ends the program, and the answer is a rejection */
  async askUntil(
    signal: AbortSignal | null,
    program: Program,
    ...args: readonly string[]
  ): Promise<string> {
    const { command, arguments: before } = this.java
    const all = ['-Xmx1g', ...before, `bench.${program}`, this.bootstrapServers, ...args]
    const options = { maxBuffer: outputBytesMax, ...(signal === null ? {} : { signal }) }
    const { stdout } = await run(command, all, options)
    return stdout
  }

  createTopics(partitionCount: number, timestampType: TimestampType, ...names: readonly string[]) {
    return this.ask('Topics', 'create', String(partitionCount), 'delete', timestampType, ...names)
  }

  /** All whose names begin so, internal ones of an application too. */
  deleteTopics(...prefixes: readonly string[]): Promise<string> {
    return this.ask('Topics', 'delete', ...prefixes)
  }
}

type Program = 'Topics' | 'Produce' | 'Expect' | 'Read'

export type TimestampType = 'CreateTime' | 'LogAppendTime'
