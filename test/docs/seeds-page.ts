/** docs/seeds.md as data. */
import { readFileSync } from 'node:fs'

export const repository = new URL('../../', import.meta.url)

export interface SeedRow {
  /** The seed’s number: `003`. */
  readonly seed: string
  readonly firstLine: number
  readonly lastLine: number
  readonly answer: string
  /** What stands in backticks in the last column. */
  readonly proofs: readonly string[]
}

export function pageText(name: string): string {
  return readFileSync(new URL(`docs/${name}`, repository), 'utf8')
}

export function seedRows(): readonly SeedRow[] {
  const sections = pageText('seeds.md').split('\n## ').slice(1)
  return sections.flatMap((section) =>
    [...section.matchAll(/^\| (\d+)(?:–(\d+))? \| .+? \| (.+) \| (.+?) \|$/gm)].map(
      ([, first = '', last = first, answer = '', shown = '']) => ({
        seed: section.slice(0, 3),
        firstLine: Number(first),
        lastLine: Number(last),
        answer,
        proofs: codeSpans(shown),
      }),
    ),
  )
}

export function codeSpans(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
}

/** By table (`database.table`) or `topic NAME`, the columns that docs/facts.md has. */
export function documentedColumns(): ReadonlyMap<string, ReadonlySet<string>> {
  const columns = new Map<string, Set<string>>()
  for (const section of pageText('facts.md').split('\n### ').slice(1)) {
    const name = section.slice(0, section.indexOf('\n')).replace(/^Topic /, 'topic ')
    const cells = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell)
    columns.set(name, new Set([...cells, 'event_time', 'known_at', 'version']))
  }
  return columns
}
