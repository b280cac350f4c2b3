/** What docs/decisions/0014 says of the shipped stores, held by the topologies themselves. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import adaptiveLearning from '../../topologies/adaptive-learning.ts'
import examScores from '../../topologies/exam-scores.ts'
import mcq from '../../topologies/mcq.ts'
import openUniversity from '../../topologies/open-university.ts'
import studentPerformance from '../../topologies/student-performance.ts'

const graphs = [mcq, examScores, adaptiveLearning, openUniversity, studentPerformance]
const page = readFileSync(
  new URL('../../docs/decisions/0014-facts-as-changelogs.md', import.meta.url),
  'utf8',
)

/** `mcq/funnels`, of the first column of the table. */
function listed(): string[] {
  const cells = page.matchAll(/^\| ([^|]*`[^|]*) \|/gm)
  return [...cells].flatMap(([, cell = '']) =>
    cell.split('; ').flatMap((part) => {
      const [topology = ''] = part.split(' ')
      return [...part.matchAll(/`([^`]+)`/g)].map(([, store]) => `${topology}/${store}`)
    }),
  )
}

function storesOf(hasFacts: boolean): string[] {
  return graphs.flatMap(({ name, stores }) =>
    stores
      .filter((store) => 'factTopic' in store === hasFacts)
      .map((store) => `${name}/${store.name}`),
  )
}

test('each store with a changelog of its own is listed with the reason, and no other', () => {
  assert.deepEqual(listed().sort(), storesOf(false).sort())
})

test('the stores whose changelog is their facts are those that it names', () => {
  assert.deepEqual(storesOf(true), ['exam-scores/failed-checks'])
  assert.match(page, /the failed checks of `exam-scores`/)
})
