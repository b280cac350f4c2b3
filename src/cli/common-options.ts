/** Flags that several commands share, and the configuration they add up to. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { loadConfiguration, type Configuration } from '../app/configuration.ts'

export interface CommonFlags {
  readonly dataDir?: string
  readonly env?: string
  readonly topologies?: string
  readonly host?: string
  readonly portOffset?: string
  readonly workers?: string
  readonly partitions?: string
}

/** Every command that needs an instance takes these. */
export function withInstanceOptions(command: Command): Command {
  return command
    .addOption(once('--data-dir <dir>', 'the instance: where its data is (default: ./data)'))
    .addOption(once('--env <name>', 'overlay tidemark.<name>.yaml on tidemark.yaml'))
    .addOption(
      once('--topologies <names>', 'topologies, with commas between (default: mcq,exam-scores)'),
    )
    .addOption(once('--workers <n>', 'worker threads; 0 runs tasks in the main thread'))
    .addOption(once('--partitions <n>', 'partitions of a new topic that does not say'))
}

/** An option that is refused when given twice, instead of the last one winning silently. */
export function once(flags: string, description: string): Option {
  const option = new Option(flags, description)
  const seen = new WeakSet<object>()
  const marker = {}
  return option.argParser((value: string) => {
    if (seen.has(marker)) throw new InvalidArgumentError('given more than once')
    seen.add(marker)
    return value
  })
}

export function configurationOf(flags: CommonFlags): Configuration {
  const { env, ...rest } = flags
  return loadConfiguration({
    flags: {
      dataDir: rest.dataDir,
      topologies: rest.topologies,
      host: rest.host,
      portOffset: rest.portOffset,
      workers: rest.workers,
      partitions: rest.partitions,
    },
    environment: process.env,
    directory: process.cwd(),
    ...(env === undefined ? {} : { environmentName: env }),
  })
}

export const formatOption = () =>
  new Option('--format <format>', 'how rows are printed')
    .choices(['table', 'json', 'csv'])
    .default('table')

export type OutputFormat = 'table' | 'json' | 'csv'
