/** `tidemark`: flags in, exit code out. 0 done, 1 failed, 2 the command or the configuration is wrong. */
import { Command, CommanderError } from 'commander'
import { TidemarkError } from '../core/errors.ts'
import { productVersion } from '../app/version.ts'
import { accessCommand } from './commands/access.ts'
import { alertsCommand } from './commands/alerts.ts'
import { backfillCommand } from './commands/backfill.ts'
import { doctorCommand } from './commands/doctor.ts'
import { eraseCommand } from './commands/erase.ts'
import { exportCommand } from './commands/export.ts'
import { featuresCommand } from './commands/features.ts'
import { importCommand } from './commands/import.ts'
import { ingestCommand } from './commands/ingest.ts'
import { lakeCommand } from './commands/lake.ts'
import { qualityCommand } from './commands/quality.ts'
import { quarantineCommand } from './commands/quarantine.ts'
import { rebuildCommand } from './commands/rebuild.ts'
import { resetCommand } from './commands/reset.ts'
import { runsCommand } from './commands/runs.ts'
import { schemasCommand } from './commands/schemas.ts'
import { simulateCommand } from './commands/simulate.ts'
import { sqlCommand } from './commands/sql.ts'
import { statusCommand } from './commands/status.ts'
import { tailCommand } from './commands/tail.ts'
import { topCommand } from './commands/top.ts'
import { topologyCommand } from './commands/topology.ts'
import { upCommand } from './commands/up.ts'
import { auditedCommand } from './audited-command.ts'
import { UsageError } from './usage-error.ts'

export async function main(words: readonly string[]): Promise<number> {
  process.stdout.on('error', endWithReader)
  const program = new Command('tidemark')
    .description(
      'Stream processing for learning platforms: facts that are always current and always right.',
    )
    .version(productVersion)
    .showHelpAfterError('(see --help)')
    .exitOverride()
  for (const command of [
    upCommand(),
    ingestCommand(),
    importCommand(),
    simulateCommand(),
    sqlCommand(),
    exportCommand(),
    tailCommand(),
    topologyCommand(),
    quarantineCommand(),
    qualityCommand(),
    schemasCommand(),
    featuresCommand(),
    lakeCommand(),
    statusCommand(),
    topCommand(),
    auditedCommand(resetCommand()),
    auditedCommand(rebuildCommand()),
    auditedCommand(eraseCommand()),
    backfillCommand(),
    runsCommand(),
    alertsCommand(),
    accessCommand(),
    doctorCommand(),
  ]) {
    inherit(command, program)
    program.addCommand(command)
  }
  try {
    await program.parseAsync(words, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (thrown) {
    return exitCodeOf(thrown)
  }
}

/** Whoever read our output has seen enough (`| head`): that is no failure. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}

/** Help and exit behaviour hold for sub-commands too. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) inherit(child, command)
}

function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
  if (thrown instanceof UsageError) {
    process.stderr.write(`${thrown.message}\n`)
    return 2
  }
  if (thrown instanceof TidemarkError) {
    process.stderr.write(`${thrown.code}: ${thrown.message}\n`)
    return thrown.code === 'CONFIGURATION_INVALID' || thrown.code === 'TOPOLOGY_INVALID' ? 2 : 1
  }
  process.stderr.write(
    `${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`,
  )
  return 1
}
