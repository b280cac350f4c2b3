import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { settingOf, settingPaths } from './settings.ts'

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
const rows = page.split('\n').filter((line) => line.startsWith('| `'))
const documented = rows.flatMap((row) => {
  const [, names = ''] = row.split('|')
  return [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
})

test('the page lists every setting, once, and no other', () => {
  assert.deepEqual([...documented].sort(), [...settingPaths].sort())
})

test('the page has the defaults of the numbers', () => {
  for (const path of settingPaths) {
    const { fallback } = settingOf(path)
    if (typeof fallback !== 'number') continue
    const row = rows.find((line) => line.split('|')[1]?.includes(`\`${path}\``)) ?? ''
    const mebibytes = `${fallback / 1024 ** 2} MiB`
    const shown = [fallback.toLocaleString('en-US').replace('-', '−'), mebibytes]
    assert.ok(
      shown.some((text) => row.split('|')[2]?.includes(text)),
      `${path} is ${shown[0]}: ${row}`,
    )
  }
})
