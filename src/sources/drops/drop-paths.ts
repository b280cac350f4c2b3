/** Where a file is to lie in a folder so that nothing there is overwritten. */
import { existsSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import type { DropIdentity } from './drop-records.ts'

/** What file systems take. */
const nameBytesMax = 255
/** For what comes behind a name: `.report.json`, `.abcdef.part`. */
const suffixBytesMax = 12

/** Under its own name, or, where that is taken or leaves no room for a report's, with the content's hash behind it. */
export function targetOf(identity: DropIdentity, folder: string): string {
  const plain = join(folder, basename(identity.name))
  const hasRoom = Buffer.byteLength(basename(plain)) <= nameBytesMax - suffixBytesMax
  return hasRoom && !existsSync(plain) ? plain : hashedTargetOf(identity, folder)
}

export function hashedTargetOf({ name, contentHash }: DropIdentity, folder: string): string {
  const extensions = extensionsOf(name)
  const stem = basename(name.slice(0, name.length - extensions.length))
  return join(folder, shortened(stem, `.${contentHash.slice(0, 8)}${extensions}`))
}

/** The same content has the same name, so that writing it again changes nothing. */
export function parquetName({ name, contentHash: hash }: DropIdentity): string {
  const stem = name.slice(0, name.length - extensionsOf(name).length)
  return shortened(stem, `.${hash.slice(0, 8)}.parquet`)
}

/** As much of the stem as there is room for. */
function shortened(stem: string, rest: string): string {
  const room = nameBytesMax - suffixBytesMax - Buffer.byteLength(rest)
  let kept = stem
  if (Buffer.byteLength(stem) > room) {
    // The last character may be cut in two.
    kept = Buffer.from(stem)
      .subarray(0, room)
      .toString('utf8')
      .replace(/\ufffd+$/, '')
  }
  return `${kept}${rest}`
}

/** `.csv`, `.csv.gz`. */
export function extensionsOf(name: string): string {
  const last = extname(name)
  return last === '.gz' ? `${extname(name.slice(0, -3))}.gz` : last
}
