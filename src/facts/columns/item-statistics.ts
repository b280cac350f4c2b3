/** What the columns of `adaptive_learning.item_statistics` and `mcq.item_statistics` have in common: Moodle's
 * statistics of quizzes (docs.moodle.org, Quiz statistics calculations). */
import type { ColumnNote } from '../../core/fact-table.ts'

/**
 * @param mark where a mark comes from, in words, with the field in backticks
 * @param learners who counts for the item
 * @param testLearners who counts for the test
 */
export function itemStatisticsColumns(
  mark: string,
  learners: string,
  testLearners = learners,
): Readonly<Record<string, ColumnNote>> {
  return {
    learners: { unit: 'learners', formula: learners },
    facility: { unit: '0 to 1', formula: '`mean` / 1, the greatest mark' },
    mean: { unit: 'marks', formula: `sum of marks / \`learners\`; ${mark}` },
    standard_deviation: {
      unit: 'marks',
      formula: `√(Σ(mark − \`mean\`)² / (\`learners\` − 1)); ${mark}`,
    },
    discrimination_index: {
      unit: '%',
      formula: `100 × C(mark, rest) / √(V(mark) × V(rest)), rest = mark in the test without the item; ${mark}`,
    },
    test_learners: { unit: 'learners', formula: testLearners },
    test_items: { unit: 'items', formula: `items with at least one mark; ${mark}` },
    test_mean: { unit: 'marks', formula: `sum of marks in the test / \`test_learners\`; ${mark}` },
    test_standard_deviation: {
      unit: 'marks',
      formula: `√(Σ(mark in the test − \`test_mean\`)² / (\`test_learners\` − 1))`,
    },
    test_reliability: {
      unit: '%',
      formula: '100 × n / (n − 1) × (1 − Σ V(item) / V(test)), n = `test_items`',
    },
    test_standard_error: {
      unit: 'marks',
      formula: '`test_standard_deviation` × √(1 − `test_reliability` / 100)',
    },
  }
}
