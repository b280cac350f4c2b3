import type { JudgedTable, TopologyExpectations } from '../expectation.ts'
import { adaptiveLearning } from './adaptive-learning.ts'
import { examScores } from './exam-scores.ts'
import { mcq } from './mcq.ts'
import { openUniversity } from './open-university.ts'
import { studentPerformance } from './student-performance.ts'

export const bundledExpectations: readonly TopologyExpectations[] = [
  mcq,
  examScores,
  openUniversity,
  studentPerformance,
  adaptiveLearning,
]

/** Of a topology of one’s own what follows from its tables: columns that are missing values, keys that repeat. */
export function expectationsOf(
  topology: string,
  facts: readonly JudgedTable[],
): TopologyExpectations {
  const bundled = bundledExpectations.find((expectations) => expectations.topology === topology)
  return bundled ?? { topology, tables: facts.map((fact) => ({ fact })), unjudged: {} }
}
