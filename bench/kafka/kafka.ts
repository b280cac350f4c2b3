/**
 * `npm run bench -- kafka`: the mcq core, an interaction and a summary for each answer, here, on Java Kafka Streams and on
 * `@kafkats/flow`; one broker, one input, the contenders by turns, each time under a new application id. Ours runs at least
 * once, too: what exactly once costs.
 *
 * Throughput: answers a second from the first to the last committed fact, by the broker's clock; where the broker shares
 * the cores, its own work bounds the ratio, so processor seconds of contender and broker are counted, too. Latency: answers
 * at half the rate of the slower of Java and ours, or half of that until both keep up, for the rate was taken without a
 * live producer and reader; from an answer's creation until its interaction was appended by the broker, and until a
 * read_committed reader had it, which is what a user waits for.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchOptions, Figures } from '../benchmark.ts'
import { BenchBroker } from './broker.ts'
import type { ContenderArguments } from './contender-arguments.ts'
import { startContender } from './contenders.ts'
import type { ContenderName } from './contenders.ts'
import { median, ratio } from './figures.ts'
import { processorSecondsOf } from './processor-seconds.ts'

const partitionCount = 4
const waitMaxSeconds = 900
/** A twentieth as fast as the others it would take hours for all answers. */
const kafkatsAnswersMax = 50_000
const latencySeconds = 40
/** Who keeps up makes half of its facts readable within a few commits; who does not has a queue that only grows. */
const keepsUpMs = 500
const loadSharesMax = 16
/** What runs for its throughput, by turns. */
const rateRuns = {
  ours: { contender: 'ours', guarantee: 'exactly-once' },
  ours_at_least_once: { contender: 'ours', guarantee: 'at-least-once' },
  java: { contender: 'java', guarantee: 'exactly-once' },
  kafkats: { contender: 'kafkats', guarantee: 'exactly-once' },
} as const satisfies Record<string, RunOf>
type RateName = keyof typeof rateRuns
const rateNames = Object.keys(rateRuns) as RateName[]
/** Of our own against Java; the third is so much slower that half its rate says nothing about the others. */
const latencyContenders = ['ours', 'java'] as const

interface RunOf {
  readonly contender: ContenderName
  readonly guarantee: ContenderArguments['guarantee']
}

interface Input {
  readonly topic: string
  readonly answers: number
  /** Of its facts, computed without Kafka. */
  readonly digest: string
}

interface Facts {
  readonly records: number
  readonly facts: number
  /** Of the last fact of each key. */
  readonly digest: string
  readonly firstMs: number
  readonly lastMs: number
}

/** One run at full speed. The processor seconds are of the whole run, start included. */
interface Rate {
  readonly perSecond: number
  readonly processorSecondsPerMillion: number
  readonly brokerSecondsPerMillion: number
}

interface Run<F> {
  readonly found: F
  readonly processorSeconds: number
  readonly brokerSeconds: number
}

interface Latencies extends Facts {
  readonly appendedP50Ms: number
  readonly appendedP99Ms: number
  readonly readableP50Ms: number
  readonly readableP99Ms: number
}

type LatenciesOfEach = Readonly<Record<'ours' | 'java', readonly Latencies[]>>

export async function runKafka({ size, rounds, log }: BenchOptions): Promise<Figures> {
  const broker = await BenchBroker.start()
  try {
    const bench = new KafkaBench(broker, log)
    const all = await bench.produceInput('answers', size)
    const few = await bench.produceInput('few-answers', Math.min(size, kafkatsAnswersMax))
    const rates = await bench.rates((name) => (name === 'kafkats' ? few : all), rounds)
    const slower = Math.min(...latencyContenders.map((name) => rateOf(rates[name])))
    let perSecond = Math.floor(slower / 2)
    let latencies = await bench.latencies(perSecond, rounds)
    while (!keepUp(latencies) && perSecond > slower / loadSharesMax) {
      perSecond = Math.floor(perSecond / 2)
      latencies = await bench.latencies(perSecond, rounds)
    }
    return figuresOf(size, rates, perSecond, latencies)
  } finally {
    await broker.close()
  }
}

class KafkaBench {
  readonly #broker: BenchBroker
  readonly #log: (line: string) => void
  #runs = 0

  constructor(broker: BenchBroker, log: (line: string) => void) {
    this.#broker = broker
    this.#log = log
  }

  async produceInput(topic: string, answers: number): Promise<Input> {
    await this.#broker.createTopics(partitionCount, 'CreateTime', topic)
    await this.#broker.ask('Produce', topic, String(answers), '0')
    const digest = (await this.#broker.ask('Expect', String(answers))).trim()
    this.#log(`${answers} answers are in the topic ${topic}`)
    return { topic, answers, digest }
  }

  /** Of each contender one a round. @throws Error where the facts are not what they must be */
  async rates(inputOf: (name: RateName) => Input, rounds: number) {
    const rates: Record<RateName, Rate[]> = {
      ours: [],
      ours_at_least_once: [],
      java: [],
      kafkats: [],
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const name of rateNames) {
        const { topic, answers, digest } = inputOf(name)
        const { found, processorSeconds, brokerSeconds } = await this.#run<Facts>(
          rateRuns[name],
          topic,
          2 * answers,
          'later',
          () => Promise.resolve(),
        )
        if (found.records !== 2 * answers) {
          throw new Error(
            `${name} put out ${found.records} facts of ${answers} answers, not two each`,
          )
        }
        if (found.digest !== digest)
          throw new Error(`the facts of ${name} are not those of its answers`)
        const perSecond = (1000 * answers) / (found.lastMs - found.firstMs)
        const perMillion = 1_000_000 / answers
        rates[name].push({
          perSecond,
          processorSecondsPerMillion: processorSeconds * perMillion,
          brokerSecondsPerMillion: brokerSeconds * perMillion,
        })
        this.#log(`${name}: ${Math.round(perSecond)} answers/s`)
      }
    }
    return rates
  }

  async latencies(perSecond: number, rounds: number) {
    const latencies: Record<'ours' | 'java', Latencies[]> = { ours: [], java: [] }
    const answers = perSecond * latencySeconds
    for (let round = 0; round < rounds; round += 1) {
      for (const name of latencyContenders) {
        const input = `live-${this.#runs}`
        await this.#broker.createTopics(partitionCount, 'CreateTime', input)
        const produce = () => this.#broker.ask('Produce', input, String(answers), String(perSecond))
        const { found } = await this.#run<Latencies>(
          rateRuns[name],
          input,
          2 * answers,
          'live',
          produce,
        )
        latencies[name].push(found)
        this.#log(`${name} at ${perSecond}/s: readable p99 ${found.readableP99Ms} ms`)
        await this.#broker.deleteTopics(input)
      }
    }
    return latencies
  }

  async #run<F extends Facts>(
    { contender: name, guarantee }: RunOf,
    input: string,
    records: number,
    mode: 'live' | 'later',
    feed: () => Promise<unknown>,
  ): Promise<Run<F>> {
    this.#runs += 1
    const applicationId = `${name}-${this.#runs}`
    const interactions = `${applicationId}-interactions`
    const summaries = `${applicationId}-summaries`
    const stateFolder = await mkdtemp(join(tmpdir(), `tidemark-bench-${applicationId}-`))
    const { bootstrapServers, java } = this.#broker
    await this.#broker.createTopics(partitionCount, 'LogAppendTime', interactions, summaries)
    const contender = startContender(name, java, {
      bootstrapServers,
      applicationId,
      input,
      interactions,
      summaries,
      guarantee,
      stateFolder,
    })
    const brokerBefore = processorSecondsOf(this.#broker.pid)
    const isOver = new AbortController()
    try {
      const wait = [String(records), String(waitMaxSeconds), mode]
      const read = [interactions, summaries, ...wait]
      const reading = this.#broker.askUntil(isOver.signal, 'Read', ...read)
      // Where the contender ends first, that is told.
      reading.catch(() => undefined)
      const [text] = await Promise.race([Promise.all([reading, feed()]), contender.ended])
      return {
        found: JSON.parse(text) as F,
        processorSeconds: processorSecondsOf(contender.pid),
        brokerSeconds: processorSecondsOf(this.#broker.pid) - brokerBefore,
      }
    } finally {
      isOver.abort()
      await contender.stop()
      await rm(stateFolder, { recursive: true, force: true })
      await this.#broker.deleteTopics(applicationId)
    }
  }
}

function keepUp(latencies: LatenciesOfEach): boolean {
  return latencyContenders.every(
    (name) => median(latencies[name].map(({ readableP50Ms }) => readableP50Ms)) <= keepsUpMs,
  )
}

function figuresOf(
  answers: number,
  rates: Readonly<Record<RateName, readonly Rate[]>>,
  perSecond: number,
  latencies: LatenciesOfEach,
): Figures {
  const figures: Record<string, number> = { answers, rounds: rates.ours.length }
  for (const name of rateNames) {
    figures[`answers_per_second_${name}`] = Math.round(rateOf(rates[name]))
    figures[`processor_seconds_per_million_${name}`] = processorOf(rates[name])
    const broker = median(rates[name].map((rate) => rate.brokerSecondsPerMillion))
    figures[`broker_seconds_per_million_${name}`] = Number(broker.toFixed(1))
  }
  figures['ratio_to_java'] = ratio(rateOf(rates.ours), rateOf(rates.java))
  figures['ratio_to_kafkats'] = ratio(rateOf(rates.ours), rateOf(rates.kafkats))
  figures['processor_ratio_to_java'] = ratio(processorOf(rates.ours), processorOf(rates.java))
  figures['exactly_once_cost'] = ratio(rateOf(rates.ours_at_least_once), rateOf(rates.ours))
  figures['latency_answers_per_second'] = perSecond
  figures['latency_share_of_rate'] = ratio(
    perSecond,
    Math.min(...latencyContenders.map((name) => rateOf(rates[name]))),
  )
  for (const name of latencyContenders) {
    const of = (pick: (found: Latencies) => number) => median(latencies[name].map(pick))
    figures[`appended_p50_ms_${name}`] = of((found) => found.appendedP50Ms)
    figures[`appended_p99_ms_${name}`] = of((found) => found.appendedP99Ms)
    figures[`readable_p50_ms_${name}`] = of((found) => found.readableP50Ms)
    figures[`readable_p99_ms_${name}`] = of((found) => found.readableP99Ms)
  }
  const p99 = (name: 'ours' | 'java') => figures[`readable_p99_ms_${name}`] ?? NaN
  figures['latency_ratio_to_java'] = ratio(p99('ours'), p99('java'))
  return figures
}

function rateOf(rates: readonly Rate[]): number {
  return median(rates.map(({ perSecond }) => perSecond))
}

function processorOf(rates: readonly Rate[]): number {
  const seconds = median(rates.map(({ processorSecondsPerMillion }) => processorSecondsPerMillion))
  return Number(seconds.toFixed(1))
}
