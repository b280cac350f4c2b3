/** The columns of the multiple-choice test platform. */
import { itemStatisticsColumns } from './item-statistics.ts'
import type { NotesByTable } from './notes.ts'

export const mcqNotes: NotesByTable = {
  'mcq.question_interaction_fact': {
    columns: {
      student_id: { from: ['answers.student_id'] },
      test_id: { from: ['answers.test_id'] },
      question_id: { from: ['answers.question_id'] },
      first_answer_time: { formula: 'least `answers.timestamp`' },
      last_answer_time: { formula: 'greatest `answers.timestamp`' },
      answer_count: { unit: 'answers', formula: 'number of distinct `answers.answer_id`' },
      final_answer_option: {
        formula:
          '`answers.submitted_option` of the answer with the greatest (`answers.timestamp`, `answers.answer_id`)',
      },
      is_correct: { formula: '`final_answer_option` = `questions.correct_option`' },
      revisited: { formula: '`answer_count` > 1' },
      time_spent: { unit: 's', formula: '`last_answer_time` − `first_answer_time`' },
    },
  },
  'mcq.test_summary_fact': {
    columns: {
      student_id: {
        from: ['answers.student_id', 'sessions.student_id', 'submissions.student_id'],
      },
      test_id: { from: ['answers.test_id', 'sessions.test_id', 'submissions.test_id'] },
      total_questions: {
        unit: 'questions',
        formula: '`tests.total_questions`, or else the number of `questions.question_id`',
      },
      questions_attempted: {
        unit: 'questions',
        formula:
          'number of distinct `answers.question_id`, those of other tests too, of which there is a warning',
      },
      questions_revisited: {
        unit: 'questions',
        formula: 'number of `answers.question_id` with more than one `answers.answer_id`',
      },
      correct_answers: {
        unit: 'questions',
        formula: 'number of questions whose `mcq.question_interaction_fact.is_correct` is true',
      },
      avg_time_per_question: { unit: 's', formula: '`time_spent` / `questions_attempted`' },
      accuracy_percent: {
        unit: '%',
        formula: '100 × `correct_answers` / `questions_attempted`; null where none was attempted',
      },
      total_sessions: { unit: 'sessions', formula: 'number of distinct `sessions.session_id`' },
      test_start_time: { formula: 'least of `sessions.timestamp` and `answers.timestamp`' },
      test_submit_time: { formula: 'greatest `submissions.submit_time`' },
      completion_status: {
        formula: '`submissions.completion_status` of the submission at `test_submit_time`',
      },
      time_spent: {
        unit: 's',
        formula:
          '`test_submit_time` − `test_start_time`; while there is none, greatest `answers.timestamp` − `test_start_time`',
      },
    },
  },
  'mcq.test_funnel_fact': {
    columns: {
      test_id: { from: ['submissions.test_id'] },
      total_submissions: {
        unit: 'students',
        formula: 'number of distinct `submissions.student_id`',
      },
      completed_submissions: {
        unit: 'students',
        formula: 'number whose `mcq.test_summary_fact.completion_status` is completed',
      },
      incomplete_submissions: {
        unit: 'students',
        formula: '`total_submissions` − `completed_submissions`',
      },
      completion_rate: {
        unit: '0 to 1',
        formula: '`completed_submissions` / `total_submissions`; null where nobody submitted',
      },
      avg_submit_time: {
        unit: 's',
        formula:
          'mean of `submissions.submit_time` − `mcq.test_summary_fact.test_start_time`, over completed submissions with a start at most ten years off',
      },
    },
  },
  'mcq.students': { columns: {} },
  'mcq.teachers': { columns: {} },
  'mcq.tests': { columns: { total_questions: { unit: 'questions' } } },
  'mcq.questions': { columns: {} },
  'mcq.item_statistics': {
    columns: {
      test_id: { from: ['submissions.test_id', 'questions.test_id'] },
      question_id: { from: ['questions.question_id', 'answers.question_id'] },
      ...itemStatisticsColumns(
        'a mark is 1 where `mcq.question_interaction_fact.is_correct`, else 0; a question of another test is no item',
        'number of `submissions.student_id` whose test is completed',
      ),
    },
  },
}
