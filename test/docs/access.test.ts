/** docs/access.md has the tables that the doors read. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { rights, roleNames, roles, rules, type Right } from '../../src/server/access/roles.ts'

const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')

/** Rows of the table that begins with this cell, each as its cells. */
function tableOf(head: string): string[][] {
  const lines = page.split('\n')
  const first = lines.findIndex((line) => line.startsWith(`| ${head} |`))
  assert.notEqual(first, -1, `no table begins with ${head}`)
  const end = lines.findIndex((line, index) => index > first && !line.startsWith('|'))
  return lines.slice(first, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('the page has each role with its rights', () => {
  const [head = [], , ...rows] = tableOf('role')
  const shown = Object.keys(rights).filter((right) => right !== 'peer')
  assert.deepEqual(head, ['role', ...shown])
  const expected = roleNames.map((role) => [
    `\`${role}\``,
    ...shown.map((right) =>
      (roles[role] as readonly Right[]).includes(right as Right) ? 'yes' : '',
    ),
  ])
  assert.deepEqual(rows, expected)
})

test('the page has each request with its right, and no other', () => {
  const [, , ...rows] = tableOf('right')
  const written = rows.flatMap(([right, door, requests = '']) =>
    [...requests.matchAll(/`([^`]+)`/g)].map(([, request = '']) => `${door} ${request}: ${right}`),
  )
  const expected = Object.entries(rules).flatMap(([door, all]) =>
    all.map(
      ([method, path, right]) => `${door} ${method} ${path}: ${right === 'open' ? 'none' : right}`,
    ),
  )
  assert.deepEqual(written.sort(), expected.sort())
})
