/** Where a file is to lie in a folder so that nothing there is overwritten. */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { DropIdentity } from './drop-records.ts'
import { extensionsOf } from './prepare-drop.ts'

/** Under its own name, or, where that is taken, with the content's hash behind it. */
export function targetOf(identity: DropIdentity, folder: string): string {
  const plain = join(folder, basename(identity.name))
  return existsSync(plain) ? hashedTargetOf(identity, folder) : plain
}

export function hashedTargetOf({ name, contentHash }: DropIdentity, folder: string): string {
  const extensions = extensionsOf(name)
  const stem = basename(name.slice(0, name.length - extensions.length))
  return join(folder, `${stem}.${contentHash.slice(0, 8)}${extensions}`)
}
