/**
 * Instances of the ledger under steady input, to whom things happen one after the other. Of each happening it tells for
 * how long each task's output paused, which tasks moved, how their state was brought up, and what stopped though it
 * stayed where it was.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, systemClock as clock } from '../../src/core/clock.ts'
import { partition, storeName } from '../../src/core/record.ts'
import { openKafkaLog, type KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { changelogTopic } from '../../src/runtime/changelog.ts'
import type { RestoreStatus } from '../../src/runtime/runtime-status.ts'
import { HttpSchemaRegistry } from '../../src/schema/http-schema-registry.ts'
import type { SchemaRegistry } from '../../src/schema/schema-registry.ts'
import * as ledger from './eos/ledger-topology.ts'
import { Member } from './instances-member.ts'
import type { MemberSettings, MemberStatus } from './instances-member.test-child.ts'
import { CommitWatch, type Pause } from './instances-watch.ts'
import { RegistryProcess } from './support/registry-process.ts'

export interface InstancesOptions {
  readonly bootstrapServers: readonly string[]
  readonly group: MemberSettings['group']
  readonly transactionTimeoutMs: number
  readonly acceptableRecoveryLag: number
}

export interface Happening {
  readonly name: string
  /** By task. */
  readonly pauses: ReadonlyMap<string, Pause>
  /** Tasks that another process runs than before. */
  readonly moved: readonly string[]
  /** Tasks of a process that had them before and after, and was told to let go of them in between. */
  readonly stoppedThoughStayed: readonly string[]
  /** How the stores of the tasks that moved were brought up. */
  readonly restored: readonly RestoreStatus[]
  /** From the beginning until each task ran, every one had a standby and the load was level. */
  readonly settledMs: number
}

/** Where a task's output is, by its input. */
const outputOf = new Map<string, string>()
const taskOf = new Map<string, string>()
for (let at = 0; at < ledger.partitionCount; at++) {
  outputOf.set(`${ledger.deposits.name}-${at}`, `${ledger.entries.name}-${at}`)
  outputOf.set(`${ledger.repartitionTopic}-${at}`, `${ledger.buckets.name}-${at}`)
  taskOf.set(`${ledger.deposits.name}-${at}`, `eos-0_${at}`)
  taskOf.set(`${ledger.repartitionTopic}-${at}`, `eos-1_${at}`)
}

const changelogs = ['balances', 'bucket-balances'].map((store) =>
  changelogTopic('eos', storeName(store)),
)
const noPause: Pause = { silentMs: 0, waitedMs: 0 }
const statusPollMs = 50
/** Of a standby that could take over at once. */
const standbyLagMax = 200
const stateOverLagMin = 2
const settleMaxMs = 180_000

export class InstancesStage {
  readonly log: KafkaLog
  readonly registry: SchemaRegistry
  readonly #options: InstancesOptions
  readonly #registryProcess: RegistryProcess
  readonly #directory: string
  readonly #members = new Map<string, Member>()
  readonly #watch: CommitWatch

  static async open(options: InstancesOptions): Promise<InstancesStage> {
    const log = await openKafkaLog({
      bootstrapServers: options.bootstrapServers,
      clientId: 'instances',
      clock,
    })
    return new InstancesStage(options, log, await RegistryProcess.start())
  }

  private constructor(options: InstancesOptions, log: KafkaLog, registryProcess: RegistryProcess) {
    this.#options = options
    this.log = log
    this.#registryProcess = registryProcess
    this.registry = new HttpSchemaRegistry({ url: registryProcess.url })
    this.#directory = mkdtempSync(join(tmpdir(), 'tidemark-instances-'))
    const { entries, buckets, partitionCount } = ledger
    this.#watch = new CommitWatch(log, [entries.name, buckets.name], partitionCount)
  }

  /** Not started. */
  member(instanceId: string, { isStatic }: { readonly isStatic: boolean }): Member {
    const dataDir = join(this.#directory, instanceId)
    mkdirSync(dataDir)
    const member = new Member({
      instanceId,
      isStatic,
      dataDir,
      registryUrl: this.#registryProcess.url,
      ...this.#options,
    })
    this.#members.set(instanceId, member)
    return member
  }

  /** Once the topics exist. */
  watch(): void {
    this.#watch.start()
  }

  /** Resolves when it has happened and all has settled again. */
  async happen(name: string, act: () => Promise<void>): Promise<Happening> {
    const before = this.#owners()
    for (const member of this.#members.values()) member.changes = []
    const fromMs = clock.nowMs()
    await act()
    const statuses = await this.settled(name)
    const toMs = clock.nowMs()
    await until(`${name}: all goes on`, () => Promise.resolve(this.#watch.hasReadAllSince(toMs)))
    const after = this.#owners()
    const moved = [...after].filter(([id, owner]) => before.get(id) !== owner).map(([id]) => id)
    const movedTasks = new Set(moved.map(taskIdOf))
    const pauses = this.#watch.pauses(fromMs, toMs)
    return {
      name,
      pauses: new Map(
        [...outputOf].map(([input, output]) => [taskIdOf(input), pauses.get(output) ?? noPause]),
      ),
      moved: [...movedTasks].sort(),
      stoppedThoughStayed: this.#stoppedThoughStayed(before, after),
      restored: statuses
        .flatMap(({ restored }) => restored)
        .filter(({ taskId }) => movedTasks.has(taskId)),
      settledMs: toMs - fromMs,
    }
  }

  /** So much is in the changelogs that a task which is restored from nothing is not near. */
  async grown(): Promise<void> {
    const least = stateOverLagMin * this.#options.acceptableRecoveryLag
    await until('the state has grown', async () => {
      const topics = await this.log.describeTopics(changelogs)
      const ends = topics.flatMap(({ partitions }) => partitions)
      return ends.every(({ highWatermark }) => highWatermark >= least)
    })
  }

  async settled(name: string): Promise<readonly MemberStatus[]> {
    let statuses: readonly MemberStatus[] = []
    await until(
      `${name}: settled`,
      async () => {
        const running = [...this.#members.values()].filter(({ isRunning }) => isRunning)
        statuses = await Promise.all(running.map((member) => member.status()))
        return areSettled(running, statuses)
      },
      () => this.#describe(statuses),
    )
    return statuses
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.end('SIGKILL')))
    await this.#watch.stop()
    await this.log.close()
    await this.#registryProcess.remove()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** By partition: which start of whom. */
  #owners(): ReadonlyMap<string, string> {
    const owners = new Map<string, string>()
    for (const { id, starts, owned } of this.#members.values()) {
      for (const partitionId of owned) owners.set(partitionId, `${id}#${starts}`)
    }
    return owners
  }

  #stoppedThoughStayed(
    before: ReadonlyMap<string, string>,
    after: ReadonlyMap<string, string>,
  ): string[] {
    const stopped: string[] = []
    for (const { id, changes } of this.#members.values()) {
      for (const { kind, partitions } of changes) {
        if (kind === 'assigned') continue
        for (const partitionId of partitions) {
          if (before.get(partitionId) !== after.get(partitionId)) continue
          stopped.push(`${taskIdOf(partitionId)} of ${id}: ${kind}`)
        }
      }
    }
    return stopped
  }

  #describe(statuses: readonly MemberStatus[]): string {
    const members = [...this.#members.values()].map(
      ({ id, isRunning, owned, output }) =>
        `${id} ${isRunning ? 'runs' : 'is down'}, owns ${[...owned].join(' ')}\n${output}`,
    )
    return [...members, JSON.stringify(statuses, null, 1)].join('\n')
  }
}

function taskIdOf(partitionId: string): string {
  return taskOf.get(partitionId) ?? partitionId
}

/** Every task runs, has a standby that is near, and no member has two more than another. */
function areSettled(members: readonly Member[], statuses: readonly MemberStatus[]): boolean {
  const owned = members.flatMap((member) => [...member.owned])
  if (owned.length !== taskOf.size || new Set(owned).size !== taskOf.size) return false
  const loads = members.map((member) => member.owned.size)
  if (Math.max(...loads) - Math.min(...loads) > 1) return false
  const running = statuses.flatMap(({ tasks }) =>
    tasks.filter(({ state }) => state === 'RUNNING').map(({ id }) => id),
  )
  const near = statuses.flatMap(({ standbys }) =>
    standbys.filter(({ lag }) => lag !== null && lag <= standbyLagMax).map(({ taskId }) => taskId),
  )
  const wanted = members.length > 1 ? taskOf.size : 0
  return new Set(running).size === taskOf.size && new Set(near).size >= wanted
}

async function until(
  what: string,
  isSo: () => Promise<boolean>,
  describe: () => string = () => '',
): Promise<void> {
  const endMs = clock.monotonicMs() + settleMaxMs
  while (!(await isSo())) {
    if (clock.monotonicMs() > endMs) throw new Error(`in vain: ${what}\n${describe()}`)
    await pause(clock, statusPollMs)
  }
}

export const ledgerPartitions = Array.from({ length: ledger.partitionCount }, (_, at) =>
  partition(at),
)
