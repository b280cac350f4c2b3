/** Which of OULAD's tables a directory or a list of files has: by their names, or by their headers. */
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { tableSpecs, type TableSpec } from '../facts/open-university-tables.ts'
import { openFile, tableExtensions } from './source-files.ts'
import { openTable } from './table-rows.ts'

export interface OuladFile {
  readonly path: string
  readonly spec: TableSpec
  /** Its name without the extension. */
  readonly sourceFile: string
}

export interface FoundFiles {
  readonly files: readonly OuladFile[]
  /** Tables without a file, files without a table. */
  readonly warnings: string[]
}

const specs = Object.values<TableSpec>(tableSpecs)
const headerBytesMax = 64 * 1024

/** @throws TidemarkError SOURCE_UNREADABLE where a path is not there, or nothing of OULAD is found */
export async function findOuladFiles(
  paths: readonly string[],
  discover: boolean,
): Promise<FoundFiles> {
  const files: OuladFile[] = []
  const warnings: string[] = []
  for (const path of paths) {
    if (!isDirectory(path)) files.push(await namedFile(path))
    else if (discover) await discoverFiles(path, files, warnings)
    else findNamed(path, files, warnings)
  }
  if (files.length > 0) return { files, warnings }
  const looked = specs.map(({ file }) => `${file}.csv`).join(', ')
  throw new TidemarkError(
    'SOURCE_UNREADABLE',
    `found nothing of OULAD in ${paths.join(', ')}; looked for ${looked}, as .csv or .tsv, gzipped or not`,
  )
}

/** A table may come in parts: `studentVle.csv`, `studentVle.AAA.csv.gz`. */
function findNamed(directory: string, files: OuladFile[], warnings: string[]): void {
  const names = tableNames(directory)
  for (const spec of specs) {
    const own = names.filter((name) => name.startsWith(`${spec.file}.`))
    files.push(...own.map((name) => fileOf(join(directory, name), spec)))
    if (own.length > 0) continue
    warnings.push(`found no ${spec.file}.csv in ${directory}; nothing of ${spec.name} is imported`)
  }
}

async function discoverFiles(
  directory: string,
  files: OuladFile[],
  warnings: string[],
): Promise<void> {
  for (const name of tableNames(directory)) {
    const path = join(directory, name)
    try {
      const columns = await headerOf(path)
      const spec = specOf(columns)
      if (spec !== undefined) files.push(fileOf(path, spec))
      else
        warnings.push(`${path}: left out, its columns ${columns.join(', ')} are no table of OULAD`)
    } catch (thrown) {
      // Nobody has named it: what cannot be read is not asked for, and the others are.
      warnings.push(`${path}: left out: ${messageOf(thrown)}`)
    }
  }
}

async function namedFile(path: string): Promise<OuladFile> {
  const columns = await headerOf(path)
  const spec = specOf(columns)
  if (spec !== undefined) return fileOf(path, spec)
  const byName = specs.find(({ file }) => basename(path).startsWith(`${file}.`))
  const missing = byName?.columns.map(({ name }) => name).filter((name) => !columns.includes(name))
  const reason =
    missing === undefined
      ? 'are no table of OULAD'
      : `lack ${missing.join(', ')}, which ${byName?.file ?? ''} has`
  throw new TidemarkError(
    'SOURCE_UNREADABLE',
    `${path}: its columns ${columns.join(', ')} ${reason}`,
  )
}

function fileOf(path: string, spec: TableSpec): OuladFile {
  const name = basename(path)
  return { path, spec, sourceFile: name.replace(/\.(csv|tsv)(\.gz)?$/, '') }
}

function tableNames(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => tableExtensions.some((extension) => name.endsWith(extension)))
    .sort()
}

/** The table all of whose columns are there. */
function specOf(columns: readonly string[]): TableSpec | undefined {
  return specs.find((spec) => spec.columns.every(({ name }) => columns.includes(name)))
}

async function headerOf(path: string): Promise<readonly string[]> {
  const { header, rows } = await openTable(openFile(path).chunks, path, headerBytesMax)
  await rows.return(undefined)
  return header.columns
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (cause) {
    throw new TidemarkError('SOURCE_UNREADABLE', messageOf(cause), { details: { path }, cause })
  }
}
