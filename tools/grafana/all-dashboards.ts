import type { Dashboard } from './dashboard.ts'
import { adaptiveLearning } from './dashboards/adaptive-learning.ts'
import { examScores } from './dashboards/exam-scores.ts'
import { mcq } from './dashboards/mcq.ts'
import { openUniversity } from './dashboards/open-university.ts'
import { operations } from './dashboards/operations.ts'
import { studentPerformance } from './dashboards/student-performance.ts'

/** One for operations, one for each topology. */
export const allDashboards: readonly Dashboard[] = [
  operations,
  mcq,
  examScores,
  openUniversity,
  studentPerformance,
  adaptiveLearning,
]
