import assert from 'node:assert/strict'
import { test } from 'node:test'

import { memoryBudgetBytesMin, planMemory, plannedBytes } from './memory-plan.ts'

test('the shares of the memory budget add up to the budget, never beyond it', () => {
  const mebibyte = 1024 * 1024
  for (const budget of [memoryBudgetBytesMin, 64 * mebibyte, 96 * mebibyte, 256 * mebibyte, 4e9]) {
    const planned = plannedBytes(planMemory(budget))
    assert.ok(planned <= budget && planned > budget * 0.99, `${planned} of ${budget}`)
  }
})
