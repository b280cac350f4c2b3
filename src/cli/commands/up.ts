import { Command, Option } from 'commander'
import { systemClock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Instance } from '../../app/instance.ts'
import { gentleSimulation, loadSamples } from '../../app/samples.ts'
import {
  configurationOf,
  once,
  reportFormatOption,
  withInstanceOptions,
  type CommonFlags,
} from '../common-options.ts'
import { openWatchedFolder } from '../watched-folder.ts'
import { printExplanation } from '../print-explanation.ts'
import { untilInterrupted } from '../interruption.ts'
import { printFirstFacts } from '../first-facts.ts'

interface UpFlags extends CommonFlags {
  /** Absent: where the instance is a newcomer's own. */
  readonly samples?: boolean
  readonly explain?: boolean
  readonly format: 'table' | 'json'
  readonly exitWhenIdle?: boolean
  readonly drop?: string
}

/** From the signal to the end, whatever happens. */
const stopMaxMs = 9_500

/** Ends a process that has nothing more to do, and is not waited for where it ends by itself. */
const lingerMaxMs = 500

/** How often the lag is printed while it goes to zero. */
const lagEveryMs = 1_000

const shown = [
  'workers',
  'partitions',
  'host',
  'portOffset',
  'accept',
  'kafka.bootstrapServers',
  'registry.url',
  'clickhouse.url',
  'applicationId',
] as const

export function upCommand(): Command {
  return withInstanceOptions(new Command('up'), shown)
    .description('run an instance: log, registry, topologies, ClickHouse and their doors')
    .addOption(new Option('--samples', 'bring a sample for each topology, on a cluster too'))
    .addOption(new Option('--no-samples', 'bring no samples'))
    .addOption(new Option('--explain', 'print what would be created, and why, and do nothing'))
    .addOption(reportFormatOption('how --explain prints'))
    .addOption(once('--drop <dir>', 'take files of student performance out of this folder'))
    .addOption(new Option('--exit-when-idle', 'end when everything is processed and queryable'))
    .action(run)
}

async function run(flags: UpFlags): Promise<void> {
  const configuration = configurationOf(flags)
  if (flags.explain === true) {
    await printExplanation(configuration, flags.format)
    return
  }
  const withSamples = flags.samples ?? configuration.cluster === null
  const interruption = untilInterrupted()
  const stopped = aborted(interruption.signal)
  let cancelDeadline = () => {}
  void stopped.then(() => {
    cancelDeadline = endInTime()
  })
  let instance: Instance | undefined
  try {
    // Loaded only here: the engines behind it are large, and most commands need none.
    const { openInstance } = await import('../../app/instance.ts')
    const { signal } = interruption
    instance = await openInstance(configuration, { listen: true, onProgress: say, signal })
    printDoors(instance)
    const work = serve(instance, { ...flags, samples: withSamples }, interruption.signal)
    work.catch(() => {})
    await Promise.race([work, instance.failed, stopped])
    if (interruption.signal.aborted) say('stopping …')
  } catch (thrown) {
    if (instance !== undefined || !interruption.signal.aborted) throw thrown
    say(`stopped before it had started: ${messageOf(thrown)}`)
  } finally {
    await instance?.stop()
    cancelDeadline()
    interruption.release()
    endSoon()
  }
}

/** What a stop left as it was (a request that hangs, a thread in a loop) would keep the process. */
function endSoon(): void {
  AbortSignal.timeout(lingerMaxMs).addEventListener('abort', () => {
    process.exit()
  })
}

/** A start or a stop that hangs must not keep the process: what was acknowledged is on the disk. */
function endInTime(): () => void {
  return systemClock.after(stopMaxMs, () => {
    process.stderr.write(
      `not stopped within ${stopMaxMs} ms: ended; the next start goes on from the log\n`,
    )
    process.exit(1)
  })
}

/** Resolves only where the instance is to end by itself. */
async function serve(instance: Instance, flags: UpFlags, signal: AbortSignal): Promise<void> {
  const { topologies } = instance.services
  const names = new Set(topologies.map(({ graph }) => graph.name))
  const folder =
    flags.drop === undefined
      ? null
      : await openWatchedFolder(instance.services, flags.drop, { signal, say })
  try {
    if (flags.samples === true) {
      for await (const line of loadSamples(instance.services, names, signal)) say(line)
      await settle(instance, signal)
      await printFirstFacts(instance.services.clickhouse, names)
    } else await settle(instance, signal)
    if (signal.aborted) return
    if (flags.exitWhenIdle === true) {
      await folder?.drain()
      if (folder !== null) await settle(instance, signal)
    } else await Promise.all([folder?.watch(), liveOn(instance, flags, names, signal)])
  } finally {
    await folder?.close()
  }
}

/** Until the signal. */
async function liveOn(
  instance: Instance,
  flags: UpFlags,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  if (flags.samples === true && names.has('mcq')) {
    say('the simulated platform goes on at a gentle rate; stop with Ctrl-C')
    await gentleSimulation(instance.services, signal)
  }
  await aborted(signal)
}

/** Prints the lag on its way to zero. */
async function settle(instance: Instance, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await instance.whenIdle(lagEveryMs))) {
    say(`lag ${lagOf(instance)}`)
  }
  // What has come since then, or is not told yet, is not meant.
  if (!signal.aborted) say('lag 0: every event is in the facts')
}

function lagOf(instance: Instance): number {
  const { topologies, sinkLag } = instance.status()
  return topologies.reduce((sum, topology) => sum + topology.lag, sinkLag)
}

function printDoors({ urls }: Instance): void {
  const doors: readonly (readonly [string, string])[] = [
    ['console', urls.console],
    ['schema registry', urls.registry],
    ['ingest', urls.ingest],
    ['ClickHouse', urls.clickhouse],
  ]
  for (const [name, url] of doors) if (url !== '') say(`${name.padEnd(15)}  ${url}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else {
      signal.addEventListener('abort', () => {
        resolve()
      })
    }
  })
}
