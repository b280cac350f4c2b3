import { Command } from 'commander'
import { diagnose, type Finding } from '../../app/doctor.ts'
import {
  clusterAddresses,
  configurationOf,
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { printRows } from '../print-rows.ts'

export function doctorCommand(): Command {
  return withInstanceOptions(new Command('doctor'), ['portOffset', ...clusterAddresses])
    .description(
      'check this machine, the data directory, the ports and the topologies, and each server of a cluster',
    )
    .addOption(formatOption())
    .action(async (flags: CommonFlags & { format: OutputFormat }) => {
      const findings: readonly Finding[] = await diagnose(configurationOf(flags))
      printRows(
        findings.map(({ check, verdict, detail }) => ({ check, verdict, detail })),
        ['check', 'verdict', 'detail'],
        flags.format,
      )
      if (findings.some(({ verdict }) => verdict === 'wrong')) process.exitCode = 1
    })
}
