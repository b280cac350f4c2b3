import { Command, Option } from 'commander'
import { systemClock } from '../../core/clock.ts'
import type { Instance } from '../../app/instance.ts'
import { gentleSimulation, loadSamples } from '../../app/samples.ts'
import { configurationOf, once, withInstanceOptions, type CommonFlags } from '../common-options.ts'
import { untilInterrupted } from '../interruption.ts'
import { printFirstFacts } from '../first-facts.ts'

interface UpFlags extends CommonFlags {
  readonly samples: boolean
  readonly exitWhenIdle?: boolean
}

/** From the signal to the end, whatever happens. */
const stopMaxMs = 9_500

/** How often the lag is printed while it goes to zero. */
const lagEveryMs = 1_000

export function upCommand(): Command {
  return withInstanceOptions(new Command('up'))
    .description('run an instance: log, registry, topologies, ClickHouse and their doors')
    .addOption(once('--host <address>', 'the address that the ports bind to (default: 127.0.0.1)'))
    .addOption(once('--port-offset <n>', 'shift all four ports: 8080, 8081, 8082, 8123'))
    .addOption(new Option('--no-samples', 'neither the OULAD sample nor the simulated platform'))
    .addOption(new Option('--exit-when-idle', 'end when everything is processed and queryable'))
    .action(run)
}

async function run(flags: UpFlags): Promise<void> {
  const configuration = configurationOf(flags)
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
    instance = await openInstance(configuration, { listen: true })
    printDoors(instance)
    const work = serve(instance, flags, interruption.signal)
    work.catch(() => {})
    await Promise.race([work, instance.failed, stopped])
    if (interruption.signal.aborted) say('stopping …')
  } finally {
    await instance?.stop()
    cancelDeadline()
    interruption.release()
  }
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
  if (flags.samples) {
    for await (const line of loadSamples(instance.services, names, signal)) say(line)
    await settle(instance, signal)
    await printFirstFacts(instance.services.clickhouse, names)
  } else await settle(instance, signal)
  if (flags.exitWhenIdle === true || signal.aborted) return
  if (flags.samples && names.has('mcq')) {
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
  if (!signal.aborted) say(`lag ${lagOf(instance)}: every event is in the facts`)
}

function lagOf(instance: Instance): number {
  const { topologies, sinkLag } = instance.status()
  return topologies.reduce((sum, topology) => sum + topology.lag, sinkLag)
}

function printDoors({ urls }: Instance): void {
  say(`console          ${urls.console}`)
  say(`schema registry  ${urls.registry}`)
  say(`ingest           ${urls.ingest}`)
  say(`ClickHouse       ${urls.clickhouse}`)
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
