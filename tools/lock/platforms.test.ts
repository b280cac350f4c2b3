import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { completed, missingPlatforms, type Lock } from './platforms.ts'

const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')

void test('the lock has an entry for every optional dependency of every locked package', () => {
  const missing = missingPlatforms(JSON.parse(text) as Lock)
  assert.deepEqual(
    missing.map(({ path, neededBy }) => `${path}, for ${neededBy}: mend it with npm run lock`),
    [],
  )
})

void test('the lock names no registry', () => {
  const { packages } = JSON.parse(text) as Lock
  const resolved = Object.entries(packages).filter(([, entry]) => entry.resolved !== undefined)
  assert.deepEqual(resolved, [])
})

void test('a package for another platform is added with what its name says', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/engine': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: {
          '@engine/lib-linux-arm64-gnu': '2.0.0',
          '@engine/lib-here': '2.0.0',
        },
      },
      'node_modules/engine/node_modules/@engine/lib-here': { version: '2.0.0', resolved: 'x' },
    },
  }
  assert.deepEqual(completed(lock).packages, {
    '': {},
    'node_modules/@engine/lib-linux-arm64-gnu': {
      version: '2.0.0',
      dev: true,
      optional: true,
      os: ['linux'],
      cpu: ['arm64'],
      libc: ['glibc'],
    },
    'node_modules/engine': lock.packages['node_modules/engine'],
    'node_modules/engine/node_modules/@engine/lib-here': { version: '2.0.0' },
  })
})

void test('a missing package whose name tells no platform is left to a person', () => {
  const lock = { packages: { 'node_modules/a': { optionalDependencies: { colour: '1.0.0' } } } }
  assert.throws(() => missingPlatforms(lock), /colour .* does not say which platform/)
})
