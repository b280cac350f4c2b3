import { Command, Option } from 'commander'
import { bundledTopologyNames, loadTopologies } from '../../app/topologies.ts'
import { describe } from '../../topology/describe.ts'
import { describeMermaid } from '../../topology/describe-mermaid.ts'
import { formatOption, type OutputFormat } from '../common-options.ts'
import { printRows } from '../print-rows.ts'

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
  return new Command('topology')
    .description('list and describe topologies')
    .addCommand(list)
    .addCommand(describeOne)
}
