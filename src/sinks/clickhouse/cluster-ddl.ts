/**
 * Statements for a ClickHouse cluster. Migrations are written for one server; on a cluster each statement that changes
 * tables gets `ON CLUSTER`, and each MergeTree engine becomes its replicated one. The rule works on tokens, so that no
 * text, comment or name is taken for a keyword, and refuses what it does not know: a statement that ran on one
 * server of several would be found much later.
 */
import { TidemarkError } from '../../core/errors.ts'
import { quoteIdentifier } from './fact-table-ddl.ts'

export interface ClusterLayout {
  /** As in `system.clusters`, a macro like `{cluster}` too; null: statements stay on the server they are sent to. */
  readonly onCluster: string | null
  /** False leaves engines as they are. */
  readonly replicated: boolean
  /** Where a table keeps its state in Keeper; `{database}` and `{table}` are the table's own, others are macros of the
   * server. All replicas of a shard have one path. */
  readonly keeperPath: string
  /** What tells the replicas of a shard apart. */
  readonly replica: string
}

const layoutDefaults = {
  onCluster: null,
  replicated: false,
  keeperPath: '/clickhouse/tables/{shard}/{database}/{table}',
  replica: '{replica}',
} as const satisfies ClusterLayout

/** Null where it changes no statement. */
export function clusterLayout(given: Partial<ClusterLayout>): ClusterLayout | null {
  const layout = { ...layoutDefaults, ...given }
  return layout.onCluster === null && !layout.replicated ? null : layout
}

interface Token {
  readonly kind: 'word' | 'quoted' | 'text' | 'sign'
  readonly text: string
  readonly start: number
  readonly end: number
}

const tokenPattern =
  /(?<blank>\s+|--[^\n]*|#!?\s[^\n]*|\/\*[\s\S]*?\*\/)|(?<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")|(?<text>'(?:[^'\\]|\\[\s\S]|'')*')|(?<word>[A-Za-z_][\w$]*)|(?<sign>[\s\S])/gy

function tokensOf(statement: string): readonly Token[] {
  const tokens: Token[] = []
  for (const match of statement.matchAll(tokenPattern)) {
    const groups = match.groups ?? {}
    const kind = (['quoted', 'text', 'word', 'sign'] as const).find(
      (name) => groups[name] !== undefined,
    )
    if (kind === undefined) continue
    const start = match.index
    tokens.push({ kind, text: match[0], start, end: start + match[0].length })
  }
  return tokens
}

/** What comes before the name, and whether ON CLUSTER stands after the name or at the statement's end. */
const heads: readonly { readonly words: readonly string[]; readonly place: 'name' | 'end' }[] = [
  ...['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'DATABASE', 'DICTIONARY'].flatMap((thing) => [
    { words: ['CREATE', ...thing.split(' ')], place: 'name' as const },
    { words: ['CREATE', 'OR', 'REPLACE', ...thing.split(' ')], place: 'name' as const },
    { words: ['DROP', ...thing.split(' ')], place: 'name' as const },
  ]),
  { words: ['ALTER', 'TABLE'], place: 'name' },
  { words: ['TRUNCATE', 'TABLE'], place: 'name' },
  { words: ['OPTIMIZE', 'TABLE'], place: 'name' },
  { words: ['RENAME', 'TABLE'], place: 'end' },
  { words: ['EXCHANGE', 'TABLES'], place: 'end' },
]

/** Rows go to one replica, which hands them on; reading changes nothing. */
const unchanged = new Set(['INSERT', 'SELECT', 'WITH'])

/** Engines that keep no rows of their own. */
const withoutRows = new Set(['Null', 'Distributed', 'Merge', 'Buffer', 'View'])

/** @throws TidemarkError CONFIGURATION_INVALID where the statement has no safe form on a cluster */
export function onCluster(statement: string, cluster: ClusterLayout): string {
  const tokens = tokensOf(statement)
  const first = tokens[0]?.text.toUpperCase() ?? ''
  if (unchanged.has(first)) return statement
  if (hasWords(tokens, ['ON', 'CLUSTER'])) {
    throw refused(statement, 'it names a cluster of its own; the configuration names it')
  }
  const head = heads.find(({ words }) => words.every((word, at) => isWord(tokens[at], word)))
  if (head === undefined) throw refused(statement, 'it begins like none of those that are known')
  const place = placeOf(statement, tokens, head)
  const changes: Change[] = []
  if (cluster.onCluster !== null) {
    const text = ` ON CLUSTER ${quoteIdentifier(cluster.onCluster)}`
    changes.push({ at: place, until: place, text })
  }
  if (cluster.replicated && head.words.includes('TABLE') && first === 'CREATE') {
    const engine = engineChange(statement, tokens, head.words.length, cluster)
    if (engine !== null) changes.push(engine)
  }
  return changed(statement, changes)
}

/** Replaces [at, until) by the text. */
interface Change {
  readonly at: number
  readonly until: number
  readonly text: string
}

function changed(statement: string, changes: readonly Change[]): string {
  let result = statement
  // From the end, so that the places before it stay where they are.
  for (const { at, until, text } of changes.toSorted((left, right) => right.at - left.at)) {
    result = result.slice(0, at) + text + result.slice(until)
  }
  return result
}

function placeOf(
  statement: string,
  tokens: readonly Token[],
  { words, place }: (typeof heads)[number],
): number {
  if (place === 'end') return tokens.at(-1)?.end ?? statement.length
  return nameEnd(statement, tokens, words.length).end
}

interface Name {
  /** Of its last part. */
  readonly end: number
  /** The index of the token after it. */
  readonly next: number
  readonly parts: readonly string[]
}

/** `[IF [NOT] EXISTS] name` or `database.name`. */
function nameEnd(statement: string, tokens: readonly Token[], from: number): Name {
  let at = from
  for (const word of ['IF', 'NOT', 'EXISTS']) if (isWord(tokens[at], word)) at++
  const parts: string[] = []
  for (;;) {
    const token = tokens[at]
    if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) {
      throw refused(statement, 'no name stands where one is expected')
    }
    parts.push(plain(token))
    at++
    if (tokens[at]?.text !== '.') return { end: token.end, next: at, parts }
    at++
  }
}

function plain({ kind, text }: Token): string {
  return kind === 'quoted' ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
}

/** `ENGINE = ReplacingMergeTree(version)` becomes `ReplicatedReplacingMergeTree('path', 'replica', version)`. */
function engineChange(
  statement: string,
  tokens: readonly Token[],
  headWords: number,
  cluster: ClusterLayout,
): Change | null {
  const { next, parts } = nameEnd(statement, tokens, headWords)
  const at = engineAt(tokens, next)
  const engine = tokens[at]
  if (engine === undefined) throw refused(statement, 'its table has no ENGINE to be replicated')
  if (withoutRows.has(engine.text) || engine.text.startsWith('Replicated')) return null
  if (!/^\w*MergeTree$/.test(engine.text)) {
    throw refused(
      statement,
      `engine ${engine.text} keeps rows on one server and has no replicated form`,
    )
  }
  const own = [parts.length > 1 ? (parts[0] ?? '') : '{database}', parts.at(-1) ?? '']
  const path = cluster.keeperPath
    .replaceAll('{database}', own[0] ?? '')
    .replaceAll('{table}', own[1] ?? '')
  const replicated = `Replicated${engine.text}(${literal(path)}, ${literal(cluster.replica)}`
  const open = tokens[at + 1]
  if (open?.text !== '(') return { at: engine.start, until: engine.end, text: `${replicated})` }
  const isEmpty = tokens[at + 2]?.text === ')'
  return { at: engine.start, until: open.end, text: replicated + (isEmpty ? '' : ', ') }
}

/** The index of the engine's name, after `ENGINE` or `ENGINE =` outside all parentheses. */
function engineAt(tokens: readonly Token[], from: number): number {
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at]
    if (token?.text === '(') depth++
    else if (token?.text === ')') depth--
    else if (depth === 0 && isWord(token, 'ENGINE'))
      return tokens[at + 1]?.text === '=' ? at + 2 : at + 1
  }
  return tokens.length
}

function hasWords(tokens: readonly Token[], words: readonly string[]): boolean {
  return tokens.some((_, at) => words.every((word, next) => isWord(tokens[at + next], word)))
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function refused(statement: string, why: string): TidemarkError {
  const shown = statement.trim().replaceAll(/\s+/g, ' ').slice(0, 80)
  return new TidemarkError(
    'CONFIGURATION_INVALID',
    `this statement cannot be run on a ClickHouse cluster: ${why}: ${shown}`,
    { details: { statement: shown } },
  )
}
