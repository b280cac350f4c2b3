/**
 * What a reader who is limited to some databases may not do beside what the engine refuses by its grants: every user of the
 * engine may read the system's tables, and those of them that show statements and errors of others are no business of
 * theirs. The database `system` is refused but for tables that the engine itself shows to each by their grants, or that
 * tell of the engine alone. A name can be spelt in other ways than as a word, and those are refused, too: by a parameter
 * (`{x:Identifier}`), by the table function `merge`, whose database may be a text, as the connection's own database.
 */
import { ClickHouseFailure } from './failure.ts'
import { outline } from './statement-guard.ts'

/** What clients look at before they show tables. */
const systemTables: ReadonlySet<string> = new Set([
  'collations',
  'columns',
  'data_type_families',
  'databases',
  'formats',
  'functions',
  'numbers',
  'numbers_mt',
  'one',
  'settings',
  'tables',
  'time_zones',
])

const hiddenDatabases: ReadonlySet<string> = new Set(['system', 'information_schema'])

/** After SHOW. */
const shown: ReadonlySet<string> = new Set(['COLUMNS', 'CREATE', 'DATABASES', 'TABLES'])

/** @param normalized what `formatQuery` made of the statement
 * @throws ClickHouseFailure 497 ACCESS_DENIED */
export function checkLimited(normalized: string, database: string | undefined): void {
  if (database !== undefined && hiddenDatabases.has(database.toLowerCase())) {
    throw denied(`the database ${database}`)
  }
  const { words } = outline(normalized)
  for (const [index, { word, calls }] of words.entries()) {
    const name = word.toLowerCase()
    const next = words[index + 1]
    if (hiddenDatabases.has(name)) {
      const isShown = name === 'system' && next?.follows === '.' && systemTables.has(next.word)
      if (!isShown) throw denied(`${word}.${next?.word ?? ''}`)
    }
    if (name === 'merge' && calls) throw denied('merge')
    if (name === 'identifier') throw denied('parameters that are identifiers')
  }
  const [kind, what] = words
  if (kind?.word.toUpperCase() === 'SHOW' && !shown.has(what?.word.toUpperCase() ?? '')) {
    throw denied(`SHOW ${what?.word ?? ''}`)
  }
}

function denied(what: string): ClickHouseFailure {
  return new ClickHouseFailure(
    497,
    'ACCESS_DENIED',
    `Not enough privileges: who is limited to databases may not use ${what}`,
  )
}
