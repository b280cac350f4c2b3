/**
 * What a test run prints: a line a file as it ends, then failures in full, what was skipped and why, the slowest
 * tests, and as the last line `N passed, N failed` (with `, N skipped` where there are any).
 */
import type { TestResult } from './reporter.ts'
import type { FileRun } from './run-file.ts'

const slowestCount = 5

export function fileLine({ path, durationMs, results }: FileRun): string {
  return `${seconds(durationMs)}  ${path}: ${countsLine(results)}`
}

/** Everything after the lines of the files; the summary comes last. */
export function summary(runs: readonly FileRun[]): readonly string[] {
  const all = runs.flatMap(({ path, results }) => results.map((result) => ({ ...result, path })))
  const lines: string[] = []
  for (const { name, path, reason } of all.filter(({ outcome }) => outcome === 'failed')) {
    lines.push('', `failed: ${name}`, `  in ${path}`, indent(reason))
  }
  for (const { path, results, output } of runs) {
    if (output === '' || !results.some(({ outcome }) => outcome === 'failed')) continue
    lines.push('', `output of ${path}:`, indent(output.trimEnd()))
  }
  const skipped = all.filter(({ outcome }) => outcome === 'skipped')
  if (skipped.length > 0) lines.push('', 'skipped:')
  for (const { name, path, reason } of skipped) lines.push(`  ${name}: ${reason} (${path})`)
  lines.push('', 'slowest:')
  const slowest = all.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, slowestCount)
  for (const { name, path, durationMs } of slowest) {
    lines.push(`${seconds(durationMs)}  ${name} (${path})`)
  }
  lines.push('', countsLine(all, 'always'))
  return lines
}

/** Nothing failed, and something ran. */
export function isGood(runs: readonly FileRun[]): boolean {
  const results = runs.flatMap((run) => run.results)
  const passed = results.some(({ outcome }) => outcome === 'passed')
  return passed && results.every(({ outcome }) => outcome !== 'failed')
}

function countsLine(results: readonly TestResult[], failures?: 'always'): string {
  const count = (wanted: TestResult['outcome']) =>
    results.filter(({ outcome }) => outcome === wanted).length
  const words = [`${count('passed')} passed`]
  if (failures === 'always' || count('failed') > 0) words.push(`${count('failed')} failed`)
  if (count('skipped') > 0) words.push(`${count('skipped')} skipped`)
  return words.join(', ')
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(2).padStart(8)} s`
}
