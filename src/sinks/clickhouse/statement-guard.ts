/**
 * What a stranger's statement may be. The engine is asked to parse the text (`formatQuery`) and to write it
 * out again; what was checked here is that normalized text, and that text is what runs, so no trick of
 * spelling, quoting or comments stands between the check and the run.
 *
 * This guards what grants and `readonly` do not cover: several statements, the function `file`, INTO OUTFILE,
 * KILL QUERY (all connections of the embedded engine are one user), and functions that reach out.
 */
import { ClickHouseFailure } from './failure.ts'

/** First words of the statements that only read. */
const readingStatements: ReadonlySet<string> = new Set([
  'SELECT',
  'WITH',
  'SHOW',
  'DESCRIBE',
  'DESC',
  'EXISTS',
  'EXPLAIN',
])

/** Functions that read files, call other programs or reach other machines; refused wherever the name stands. */
const refusedFunctions: ReadonlySet<string> = new Set([
  'file',
  'catboostevaluate',
  'aiclassify',
  'aiembed',
  'aiextract',
  'aigenerate',
  'aitranslate',
])

/** Table functions that stay inside the engine; every other one the engine knows is refused by name. */
const allowedTableFunctions: ReadonlySet<string> = new Set([
  'format',
  'generate_series',
  'generaterandom',
  'generateseries',
  'merge',
  'null',
  'numbers',
  'numbers_mt',
  'primes',
  'values',
  'view',
  'viewifpermitted',
  'zeros',
  'zeros_mt',
])

export interface GuardedStatement {
  /** The normalized statement, without a FORMAT clause of its own. */
  readonly sql: string
  /** The format that the statement itself asked for. */
  readonly format: string | null
  /** True where the statement has one SELECT and no other: nothing of it runs while it is planned. */
  readonly isSingleSelect: boolean
}

export class StatementGuard {
  readonly #refusedTableFunctions: ReadonlySet<string>

  /** @param tableFunctions all that the engine knows (`system.table_functions`) */
  constructor(tableFunctions: readonly string[]) {
    this.#refusedTableFunctions = new Set(
      tableFunctions
        .map((name) => name.toLowerCase())
        .filter((name) => !allowedTableFunctions.has(name)),
    )
  }

  /** @param normalized what `formatQuery` made of the statement
   * @throws ClickHouseFailure 164 READONLY for a statement that changes something, 497 ACCESS_DENIED for one that
   *   leaves the engine */
  check(normalized: string): GuardedStatement {
    const { bare, words } = outline(normalized)
    const kind = (words[0]?.word ?? '').toUpperCase()
    if (!readingStatements.has(kind)) {
      throw new ClickHouseFailure(164, 'READONLY', `Cannot execute query in readonly mode: ${kind}`)
    }
    for (const { word, calls } of words) {
      const name = word.toLowerCase()
      if (refusedFunctions.has(name) || (calls && this.#refusedTableFunctions.has(name))) {
        throw new ClickHouseFailure(
          497,
          'ACCESS_DENIED',
          `Not enough privileges: readers may not use ${word}, which reaches outside the tables`,
        )
      }
      if (name === 'outfile' || name === 'infile') {
        throw new ClickHouseFailure(
          497,
          'ACCESS_DENIED',
          'Not enough privileges: results go to the client, never into a file',
        )
      }
    }
    const format = /\nFORMAT (\w+)\s*(\nSETTINGS [^]*)?$/.exec(bare)
    const selects = words.filter(({ word }) => word.toUpperCase() === 'SELECT').length
    return {
      sql: normalized,
      format: format?.[1] ?? null,
      isSingleSelect: selects === 1 && kind === 'SELECT',
    }
  }
}

interface Word {
  readonly word: string
  /** Followed by a parenthesis. */
  readonly calls: boolean
  /** What is between it and the word before. */
  readonly follows: string
}

/** The words of a normalized statement, quoted names included, and its text without string literals. */
export function outline(sql: string): { bare: string; words: readonly Word[] } {
  const words: Word[] = []
  let bare = ''
  let follows = ''
  const token = /'(?:[^'\\]|\\[^]|'')*'|([`"])((?:(?!\1)[^\\]|\\[^]|\1\1)*)\1|[A-Za-z_][\w$]*|[^]/g
  for (const match of sql.matchAll(token)) {
    const [text] = match
    if (text.startsWith("'")) {
      bare += "''"
      follows += "''"
      continue
    }
    bare += text
    const word = match[2] ?? (/^[A-Za-z_]/.test(text) ? text : null)
    if (word === null) {
      follows += text
      continue
    }
    const calls = /^\s*\(/.test(sql.slice(match.index + text.length).slice(0, 20))
    words.push({ word, calls, follows })
    follows = ''
  }
  return { bare, words }
}
