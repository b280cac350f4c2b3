/** Which of OULAD's tables a directory or a list of files has: by their names, or by their headers. */
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { messageOf, TidemarkError } from '../core/errors.ts'
import { tableSpecs, type TableSpec } from '../facts/open-university-tables.ts'
import { isTableName, openFile, tableExtensions } from './source-files.ts'
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

/** Of the files that are left out, how many an error names. */
const namedInErrorMax = 10

/** @throws TidemarkError SOURCE_UNREADABLE where a path is not there, or nothing of OULAD is found */
export async function findOuladFiles(
  paths: readonly string[],
  discover: boolean,
): Promise<FoundFiles> {
  const files: OuladFile[] = []
  const leftOut: string[] = []
  const missing: string[] = []
  for (const path of paths) {
    if (!isDirectory(path)) files.push(await namedFile(path))
    else {
      const found = await (discover ? discoverFiles(path) : findNamed(path))
      files.push(...found.files)
      leftOut.push(...found.leftOut)
      missing.push(...missingIn(path, found.files, discover))
    }
  }
  if (files.length > 0) return { files, warnings: [...leftOut, ...missing] }
  const looked = specs.map(({ file }) => `${file}.csv`).join(', ')
  const seen = leftOut.slice(0, namedInErrorMax).map((each) => `; ${each}`)
  throw new TidemarkError(
    'SOURCE_UNREADABLE',
    `found nothing of OULAD in ${paths.join(', ')}; looked for ${looked}, as .csv or .tsv, gzipped or not${seen.join('')}`,
  )
}

interface InDirectory {
  readonly files: readonly OuladFile[]
  /** What is said of files that are not taken. */
  readonly leftOut: readonly string[]
}

/** A table may come in parts: `studentVle.csv`, `studentVle.AAA.csv.gz`. */
function findNamed(directory: string): InDirectory {
  const files: OuladFile[] = []
  const leftOut: string[] = []
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name)
    const spec = specs.find(({ file }) => name.startsWith(`${file}.`))
    if (spec !== undefined && isTableName(name)) {
      files.push(fileOf(path, spec))
      continue
    }
    const like = likeByName(name)
    if (like !== undefined) leftOut.push(notTaken(path, like, `is not called ${like.file}.csv`))
  }
  return { files, leftOut }
}

async function discoverFiles(directory: string): Promise<InDirectory> {
  const files: OuladFile[] = []
  const leftOut: string[] = []
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name)
    if (!isTableName(name)) {
      const like = likeByName(name) ?? (await likeByColumns(path))
      if (like === undefined) continue
      const reason = `has a name that ends in none of ${tableExtensions.join(', ')}`
      leftOut.push(notTaken(path, like, reason))
      continue
    }
    try {
      const columns = await headerOf(path)
      const spec = specOf(columns)
      if (spec !== undefined) files.push(fileOf(path, spec))
      else
        leftOut.push(`${path}: left out, its columns ${columns.join(', ')} are no table of OULAD`)
    } catch (thrown) {
      // Nobody has named it: what cannot be read is not asked for, and the others are.
      leftOut.push(`${path}: left out: ${messageOf(thrown)}`)
    }
  }
  return { files, leftOut }
}

function missingIn(
  directory: string,
  files: readonly OuladFile[],
  discover: boolean,
): readonly string[] {
  return specs.flatMap((spec) => {
    if (files.some((file) => file.spec === spec)) return []
    const looked = discover ? `table with the columns of ${spec.file}.csv` : `${spec.file}.csv`
    return [`found no ${looked} in ${directory}; nothing of ${spec.name} is imported`]
  })
}

function notTaken(path: string, { file }: TableSpec, reason: string): string {
  return `${path}: left out: it looks like ${file}, but ${reason}; rename it, or import it by its own path`
}

/** `student_info.txt`, `STUDENTVLE (1).xlsx`: what somebody may have meant as a table. */
function likeByName(name: string): TableSpec | undefined {
  const letters = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  return specs.find(({ file }) => letters.startsWith(file.toLowerCase()))
}

/** Of a file of any kind, from its beginning. */
async function likeByColumns(path: string): Promise<TableSpec | undefined> {
  try {
    if (!statSync(path).isFile()) return undefined
    return specOf(await headerOf(path))
  } catch {
    // Without a header there are no columns to tell it by.
    return undefined
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
  return { path, spec, sourceFile: name.replace(/\.(csv|tsv)(\.gz)?$/i, '') }
}

/** The table all of whose columns are there. */
function specOf(columns: readonly string[]): TableSpec | undefined {
  return specs.find((spec) => spec.columns.every(({ name }) => columns.includes(name)))
}

async function headerOf(path: string): Promise<readonly string[]> {
  const { header, rows } = await openTable(beginning(openFile(path).chunks), path, headerBytesMax)
  await rows.return(undefined)
  return header.columns
}

/** A file without a line end is not read to its end in search of one. */
async function* beginning(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of chunks) {
    yield chunk
    bytes += chunk.length
    if (bytes > headerBytesMax) return
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (cause) {
    throw new TidemarkError('SOURCE_UNREADABLE', messageOf(cause), { details: { path }, cause })
  }
}
