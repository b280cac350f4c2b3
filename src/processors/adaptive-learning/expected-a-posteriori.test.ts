import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { expectedAPosteriori } from './expected-a-posteriori.ts'

function near(found: number | null, wanted: number, digits: number): void {
  assert.ok(
    found !== null && Math.abs(found - wanted) < 0.5 * 10 ** -digits,
    `${found} is ${wanted}`,
  )
}

describe('expected-a-posteriori ability', () => {
  const difficulties = [-1, -0.5, 0, 0.5, 1]
  const answers = [true, true, true, false, false]

  test('gives the reference estimate', () => {
    const { ability, standardError } = expectedAPosteriori(
      difficulties.map((difficulty, index) => ({
        discrimination: 1,
        difficulty,
        correct: answers[index]!,
      })),
    )
    near(ability, 0.247078, 6)
    near(standardError, 0.704134, 6)
  })

  test('is the prior without an answer, and stays finite with thousands', () => {
    const { ability, standardError } = expectedAPosteriori([])
    near(ability, 0, 9)
    near(standardError, 1, 9)
    const many = Array.from({ length: 5_000 }, () => ({
      discrimination: 1,
      difficulty: 0,
      correct: true,
    }))
    assert.ok(Number.isFinite(expectedAPosteriori(many).ability))
  })
})
