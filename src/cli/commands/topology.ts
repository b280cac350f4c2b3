import { Command, Option } from 'commander'
import { bundledTopologyNames, loadTopologies } from '../../app/topologies.ts'
import { describe } from '../../topology/describe.ts'
import { describeMermaid } from '../../topology/describe-mermaid.ts'
import { inspectTopologies } from '../../app/inspect.ts'
import type { GroupDescription } from '../../log/log-admin.ts'
import {
  clusterAddresses,
  configurationOf,
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { printRows, type PrintedRow } from '../print-rows.ts'

export function topologyCommand(): Command {
  const list = new Command('list')
    .description('the topologies that come with this version')
    .addOption(formatOption())
    .action(async ({ format }: { format: OutputFormat }) => {
      const loaded = await loadTopologies(bundledTopologyNames())
      const rows = loaded.map(({ graph }) => ({
        topology: graph.name,
        sub_topologies: graph.subTopologies.length,
        sources: graph.nodes.filter((node) => node.kind === 'source').length,
        stores: graph.stores.length,
        sinks: graph.nodes.filter((node) => node.kind === 'sink').length,
      }))
      printRows(rows, ['topology', 'sub_topologies', 'sources', 'stores', 'sinks'], format)
    })
  const describeOne = new Command('describe')
    .description('a topology’s sub-topologies, nodes, stores and topics')
    .argument('<name>', 'its name, or the path of its file')
    .addOption(new Option('--mermaid', 'as a Mermaid flowchart'))
    .action(async (name: string, { mermaid }: { mermaid?: boolean }) => {
      for (const { graph } of await loadTopologies([name])) {
        process.stdout.write(mermaid === true ? describeMermaid(graph) : describe(graph))
      }
    })
  const diff = withInstanceOptions(new Command('diff'), clusterAddresses)
    .description(
      'what a start of this code would do to what ran before; exit code 1 where it would be refused',
    )
    .argument('[name]', 'its name, or the path of its file (default: those of --topologies)')
    .addOption(new Option('--against-group', 'compare with what the running group reads, too'))
    .addOption(formatOption())
    .action(diffTopologies)
  return new Command('topology')
    .description('list, describe and compare topologies')
    .addCommand(list)
    .addCommand(describeOne)
    .addCommand(diff)
}

interface DiffFlags extends CommonFlags {
  readonly againstGroup?: boolean
  readonly format: OutputFormat
}

async function diffTopologies(name: string | undefined, flags: DiffFlags): Promise<void> {
  const configuration = configurationOf(flags)
  const loaded = await loadTopologies(name === undefined ? configuration.topologies : [name])
  const { topologies, notes } = await inspectTopologies(configuration, {
    graphs: loaded.map(({ graph }) => graph),
    againstGroup: flags.againstGroup === true,
  })
  for (const note of notes) process.stderr.write(`${note}\n`)
  const rows: PrintedRow[] = topologies.flatMap(({ topology, changes, group }) => [
    ...(group === null ? [] : [groupRow(topology, group)]),
    ...changes.map(({ kind, name: what, verdict, effect, accept }) => ({
      topology,
      verdict,
      change: kind,
      name: what,
      effect,
      accept,
    })),
  ])
  const columns = ['topology', 'verdict', 'change', 'name', 'effect', 'accept']
  if (rows.length === 0 && flags.format === 'table') process.stdout.write('nothing would change\n')
  else printRows(rows, columns, flags.format)
  if (rows.some(({ verdict }) => verdict === 'refused')) process.exitCode = 1
}

function groupRow(topology: string, { state, members }: GroupDescription): PrintedRow {
  const hosts = [...new Set(members.map(({ clientId, host }) => `${clientId} at ${host}`))]
  const effect = hosts.length === 0 ? 'it has no members' : hosts.join(', ')
  return { topology, verdict: 'goes', change: 'group', name: state, effect, accept: null }
}
