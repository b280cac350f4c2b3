import { adaptiveLearningNotes } from './adaptive-learning.ts'
import { examScoreNotes } from './exam-scores.ts'
import { mcqNotes } from './mcq.ts'
import type { NotesByTable } from './notes.ts'
import { openUniversityNotes } from './open-university.ts'
import { openUniversityViewNotes } from './open-university-views.ts'
import { programNotes } from './program.ts'
import { studentPerformanceNotes } from './student-performance.ts'

export const notesByTable: NotesByTable = {
  ...programNotes,
  ...mcqNotes,
  ...examScoreNotes,
  ...openUniversityNotes,
  ...openUniversityViewNotes,
  ...studentPerformanceNotes,
  ...adaptiveLearningNotes,
}
