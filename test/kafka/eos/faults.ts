/** What strikes while the driver runs. Each fault resolves when what it broke is whole again. */
import { pause, systemClock } from '../../../src/core/clock.ts'
import type { Kafka, KafkaBroker } from '../../../tools/kafka/start-kafka.ts'
import type { TcpProxy } from '../../../tools/kafka/tcp-proxy.ts'
import { CommitHold, EndHold, type CommitRequest } from './commit-hold.ts'
import { deposits, repartitionTopic } from './ledger-topology.ts'
import type { Instance } from './fleet.ts'

/** A stand-in process that can be away for a while. */
export interface Service {
  kill(): Promise<void>
  start(): Promise<void>
}

/** The network between the instances and the brokers. */
export interface Network {
  /** Of every broker. */
  readonly proxies: readonly TcpProxy[]
  /** Ends every connection, as a broken switch would. */
  cut(): void
  /** Delays what passes by so much, both ways. */
  slow(delayMs: number): void
}

export interface Stage {
  readonly kafka: Kafka
  readonly network: Network
  /** Those that run all the time. */
  readonly instances: readonly Instance[]
  /** Joins and leaves, for rebalances. */
  readonly guest: Instance
  readonly clickhouse: Service
  readonly registry: Service
  readonly sessionTimeoutMs: number
  /** Deterministic: which instance, which partition. */
  pick<T>(choices: readonly T[]): T
}

export interface Fault {
  readonly name: string
  /** Tells of the moment that it found, where it is tied to one. */
  strike(stage: Stage, tell: (line: string) => void): Promise<void>
}

const slowMs = 150
/** How long things are slow or away: longer than a commit, shorter than a time-out that gives up. */
const whileMs = 1_500
/** The moment that a fault waits for comes before that. */
const momentMs = 60_000

export const killInstance: Fault = {
  name: 'SIGKILL of an instance',
  strike: async ({ instances, pick }) => {
    const instance = pick(instances)
    await instance.kill()
    instance.start()
    await instance.ready()
  },
}

const stopInstance: Fault = {
  name: 'SIGTERM of an instance',
  strike: async ({ instances, pick }) => {
    const instance = pick(instances)
    await instance.terminate()
    instance.start()
    await instance.ready()
  },
}

export const freezeInstance: Fault = {
  name: 'SIGSTOP longer than the session',
  strike: async ({ instances, pick, sessionTimeoutMs }) => {
    const instance = pick(instances)
    instance.freeze()
    await pause(systemClock, 2 * sessionTimeoutMs)
    instance.thaw()
  },
}

const rebalance: Fault = {
  name: 'a rebalance in mid-commit',
  strike: async ({ guest, network, pick }, tell) => {
    const request = pick<CommitRequest>(['TxnOffsetCommit', 'EndTxn'])
    const hold = new CommitHold(network.proxies, guest.id, request)
    guest.start()
    const held = await within(momentMs, hold.held, `${request} of an instance while one joins`)
    tell(
      `${held.request} of ${held.clientId} held for ${held.heldMs} ms, ` +
        (held.sawNewGeneration ? 'into a new generation' : 'and the group waited'),
    )
    hold.end()
    await guest.ready()
    await guest.terminate()
  },
}

/** What it has written and not committed has to be aborted by others. */
export const killCommitting: Fault = {
  name: 'SIGKILL in mid-commit',
  strike: async ({ instances, network, pick }) => {
    const instance = pick(instances)
    const hold = new EndHold(network.proxies, instance.id)
    await within(momentMs, hold.held, `end of a transaction of ${instance.id}`)
    await instance.kill()
    // Else the broker would have from its connection what the dead wanted to say.
    network.cut()
    hold.end()
    instance.start()
    await instance.ready()
  },
}

let restores = 0

/** At 10, 50 and 90 % in turn. */
const killRestoring: Fault = {
  name: 'SIGKILL within the restore of a lost disk',
  strike: async ({ instances, pick }, tell) => {
    const part = [0.1, 0.5, 0.9][restores++ % 3] ?? 0.5
    const instance = pick(instances)
    await instance.kill()
    const halting = instance.startToHaltAtRestored(part)
    const { offsetsDone, offsetsTotal } = await within(momentMs, halting, 'a restore')
    await instance.kill()
    tell(`killed after ${offsetsDone} of ${offsetsTotal} offsets, ${100 * part} % were asked for`)
    instance.start()
    await instance.ready()
  },
}

async function within<Result>(ms: number, moment: Promise<Result>, name: string): Promise<Result> {
  const over = new AbortController()
  const missed = pause(systemClock, ms, over.signal).then(() => {
    if (!over.signal.aborted) throw new Error(`no ${name} within ${ms / 1000} s`)
    return moment
  })
  try {
    return await Promise.race([moment, missed])
  } finally {
    over.abort()
  }
}

function brokerFault(
  name: string,
  choose: (stage: Stage) => Promise<KafkaBroker>,
  how: 'kill' | 'stop',
): Fault {
  return {
    name,
    strike: async (stage) => {
      const broker = await choose(stage)
      await broker[how]()
      await broker.start()
    },
  }
}

const cut: Fault = {
  name: 'connections cut',
  strike: ({ network }) => {
    network.cut()
    return Promise.resolve()
  },
}

const slow: Fault = {
  name: 'connections slowed',
  strike: async ({ network }) => {
    network.slow(slowMs)
    await pause(systemClock, whileMs)
    network.slow(0)
  },
}

const clickhouseAway: Fault = {
  name: 'ClickHouse stopped',
  strike: async ({ clickhouse }) => {
    await clickhouse.kill()
    await pause(systemClock, whileMs)
    await clickhouse.start()
  },
}

const registryAway: Fault = {
  name: 'the registry away while an instance starts',
  strike: async ({ registry, instances, pick }) => {
    await registry.kill()
    const instance = pick(instances)
    await instance.kill()
    instance.start()
    await instance.ready()
    await registry.start()
  },
}

export const faults: readonly Fault[] = [
  killInstance,
  killCommitting,
  stopInstance,
  freezeInstance,
  rebalance,
  killRestoring,
  brokerFault(
    'leader of a partition killed',
    ({ kafka, pick }) => kafka.leaderOf(deposits.name, pick([0, 1, 2, 3])),
    'kill',
  ),
  brokerFault(
    'leader of a repartitioned partition bounced',
    ({ kafka, pick }) => kafka.leaderOf(repartitionTopic, pick([0, 1, 2, 3])),
    'stop',
  ),
  brokerFault('controller killed', ({ kafka }) => kafka.controllerOf(), 'kill'),
  brokerFault(
    'transaction coordinator killed',
    ({ kafka, instances, pick }) => kafka.coordinatorOf('transaction', `eos-${pick(instances).id}`),
    'kill',
  ),
  brokerFault(
    'group coordinator bounced',
    ({ kafka }) => kafka.coordinatorOf('group', 'eos'),
    'stop',
  ),
  cut,
  slow,
  clickhouseAway,
  registryAway,
]

/** Every fault `rounds` times; each round, a part of the run, has all of them in an order of its own. */
export function faultPlan(rounds: number, shuffled: <T>(values: readonly T[]) => T[]): Fault[] {
  return Array.from({ length: rounds }, () => shuffled(faults)).flat()
}
