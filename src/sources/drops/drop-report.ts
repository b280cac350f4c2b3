/** Why a file was refused: what was expected, what was found, and where. Written beside the file, for people. */
import type { FileSchema } from '../../quality/file-schema.ts'

export interface Problem {
  readonly check:
    | 'file_readable'
    | 'header_present'
    | 'field_expected'
    | 'field_present'
    | 'field_once'
    | 'row_readable'
    | 'cells_match_header'
    | 'value_allowed'
    | 'rows_present'
    | 'file_complete'
  /** From 1; 0 where it concerns the whole file. */
  readonly line: number
  /** As the file names it; empty where it concerns the whole row. */
  readonly column: string
  readonly expected: string
  readonly found: string
}

/** So many are listed; all are counted. */
export const problemsListedMax = 100
/** What is shown of a value or a line that is wrong. */
const foundLengthMax = 200

export interface DropReport {
  readonly file: string
  readonly content_hash: string | null
  readonly refused_at: string
  readonly schema: string
  readonly summary: string
  readonly problems_total: number
  readonly problems: readonly Problem[]
  readonly rows_read: number
  readonly expected_columns: readonly string[]
  readonly found_columns: readonly string[] | null
  readonly how_to_mend: string
}

export class ProblemList {
  readonly listed: Problem[] = []
  total = 0

  add(problem: Problem): void {
    this.total++
    if (this.listed.length >= problemsListedMax) return
    this.listed.push({ ...problem, found: problem.found.slice(0, foundLengthMax) })
  }
}

export interface RefusedFile {
  readonly name: string
  readonly contentHash: string | null
  readonly problems: readonly Problem[]
  readonly problemsTotal: number
  readonly rowsRead: number
  readonly foundColumns: readonly string[] | null
}

export function dropReport(file: RefusedFile, schema: FileSchema, nowMs: number): DropReport {
  const { problems, problemsTotal } = file
  const [first] = problems
  const more = problemsTotal > 1 ? `, and ${problemsTotal - 1} more` : ''
  return {
    file: file.name,
    content_hash: file.contentHash,
    refused_at: new Date(nowMs).toISOString(),
    schema: schema.path,
    summary: first === undefined ? '' : `${describeProblem(first)}${more}`,
    problems_total: problemsTotal,
    problems,
    rows_read: file.rowsRead,
    expected_columns: schema.fields.map(({ name }) => name),
    found_columns: file.foundColumns,
    how_to_mend: 'Nothing of the file was taken. Correct it and drop it again.',
  }
}

export interface Growth {
  /** When its rows were taken. */
  readonly bytes: number
  readonly bytesNow: number
  /** That were taken. */
  readonly rows: number
  /** The name of another file of the same content that counts on; then the rows are those of that one, and stay. */
  readonly sameAs: string | null
}

export function grownProblem({ bytes, bytesNow }: Growth): Problem {
  return {
    check: 'file_complete',
    line: 0,
    column: '',
    expected: `${bytes} bytes, as when its rows were taken`,
    found: `${bytesNow} bytes: it was written on`,
  }
}

/** Of a file whose rows were taken, and which a writer has gone on to write. */
export function grownReport(
  { name, contentHash }: { readonly name: string; readonly contentHash: string },
  growth: Growth,
  schema: FileSchema,
  nowMs: number,
): DropReport {
  const { bytes, rows, sameAs } = growth
  const counts = { problemsTotal: 1, rowsRead: rows, foundColumns: null }
  const problems = [grownProblem(growth)]
  const became =
    sameAs === null
      ? `The ${rows} rows of its first ${bytes} bytes (file_hash ${contentHash}) were retracted: they count no more.`
      : `The ${rows} rows of its first ${bytes} bytes (file_hash ${contentHash}) stay: they are those of ${sameAs}.`
  return {
    ...dropReport({ name, contentHash, problems, ...counts }, schema, nowMs),
    how_to_mend: `${became} The file went back into the folder and is taken again as a whole once it is still. Nothing is to be done; let the writer rename a file when it is whole.`,
  }
}

export function describeProblem({ line, column, expected, found }: Problem): string {
  const where = [line > 0 ? `line ${line}` : '', column].filter((part) => part !== '').join(', ')
  return `${where === '' ? '' : `${where}: `}expected ${expected}, found ${found}`
}
