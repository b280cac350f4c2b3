/** Flags that several commands share, and the configuration they add up to. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { loadConfiguration, type Configuration } from '../app/configuration.ts'
import { flagOf, settingOf, settingPaths, type SettingPath } from '../app/settings.ts'

/** `--env` and every setting that is no secret, under its flag in camel case. */
export interface CommonFlags {
  readonly env?: string
  readonly dataDir?: string
}

/** What `--help` shows; every other setting is a flag too. */
const described: Partial<Record<SettingPath, readonly [value: string, description: string]>> = {
  dataDir: ['dir', 'the instance: where its data is (default: ./data)'],
  topologies: ['names', 'topologies, with commas between (default: all five)'],
  workers: ['n', 'worker threads; 0 runs tasks in the main thread'],
  partitions: ['n', 'partitions of a new topic that does not say'],
  host: ['address', 'the address that the ports bind to (default: 127.0.0.1)'],
  portOffset: ['n', 'shift all four ports: 8080, 8081, 8082, 8123'],
  accept: [
    'stores',
    'go on although these stores are orphaned: topology/store, with commas between',
  ],
  'kafka.bootstrapServers': [
    'addresses',
    'the brokers, host:port with commas between: run on a cluster',
  ],
  'registry.url': ['urls', 'the schema registry of the cluster'],
  'clickhouse.url': ['url', 'the ClickHouse server of the cluster'],
  applicationId: ['name', 'the application whose instances share the work (default: tidemark)'],
}

const shownAlways: readonly SettingPath[] = ['dataDir', 'topologies']

/** Of commands that ask the cluster themselves. */
export const clusterAddresses: readonly SettingPath[] = [
  'kafka.bootstrapServers',
  'registry.url',
  'clickhouse.url',
  'applicationId',
]

/** Every command that needs an instance takes these. @param shown of the settings, in its help */
export function withInstanceOptions(command: Command, shown: readonly SettingPath[] = []): Command {
  command.addOption(once('--env <name>', 'overlay tidemark.<name>.yaml on tidemark.yaml'))
  for (const path of settingPaths) {
    if (settingOf(path).isSecret === true) continue
    const [value, description] = described[path] ?? ['value', `the setting ${path}`]
    const option = once(`--${flagOf(path)} <${value}>`, description)
    const isShown = shownAlways.includes(path) || shown.includes(path)
    command.addOption(isShown ? option : option.hideHelp())
  }
  return command.addHelpText('after', '\nEvery setting of docs/configuration.md is a flag, too.')
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
  const given = flags as Readonly<Record<string, unknown>>
  const settings: Partial<Record<SettingPath, unknown>> = {}
  for (const path of settingPaths) {
    const value = given[camelCase(flagOf(path))]
    if (value !== undefined) settings[path] = value
  }
  return loadConfiguration({
    flags: settings,
    environment: process.env,
    directory: process.cwd(),
    ...(flags.env === undefined ? {} : { environmentName: flags.env }),
  })
}

/** As commander calls an option. */
function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

export const formatOption = () =>
  new Option('--format <format>', 'how rows are printed')
    .choices(['table', 'json', 'csv'])
    .default('table')

/** Of what is more than rows. @param how as help says it */
export const reportFormatOption = (how: string) =>
  new Option('--format <format>', how).choices(['table', 'json']).default('table')

export type OutputFormat = 'table' | 'json' | 'csv'
