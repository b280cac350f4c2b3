import type { Configuration } from '../app/configuration.ts'
import { explain } from '../app/explain.ts'
import { loadTopologies } from '../app/topologies.ts'
import { printRows } from './print-rows.ts'

/** `up --explain`: what a start would create, one line each. */
export async function printExplanation(
  configuration: Configuration,
  format: 'table' | 'json',
): Promise<void> {
  const { profile, items } = explain(configuration, await loadTopologies(configuration.topologies))
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify({ profile, items }, null, 2)}\n`)
    return
  }
  process.stdout.write(`profile ${profile}; what is there already is used as it is\n`)
  printRows(
    items.map((item) => ({ ...item })),
    ['what', 'name', 'detail', 'why'],
    'table',
  )
}
