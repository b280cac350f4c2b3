import type { Command } from 'commander'
import { auditCommand } from '../app/audit.ts'
import { configurationOf, type CommonFlags } from './common-options.ts'

/** A command that changes a data directory by itself: that it was begun, and by whom, is recorded there. */
export function auditedCommand(command: Command): Command {
  return command.hook('preAction', async (_, action) => {
    const flags = action.opts<CommonFlags & { readonly dryRun?: boolean }>()
    if (flags.dryRun === true) return
    await auditCommand(configurationOf(flags).dataDir, action.name(), { ...flags })
  })
}
