/** The columns of student performance. Units of the file's own fields are those of its description, `student.txt`. */
import type { ColumnNote } from '../../core/fact-table.ts'
import type { NotesByTable } from './notes.ts'

const rows = { unit: 'rows' } as const
const batches = { unit: 'parts of a file' } as const
const grade = { unit: 'points, 0 to 20' } as const

function step(most: number, least = 1): ColumnNote {
  return { unit: `step, ${least} to ${most}` }
}

/** A text column: its fact topic has the place in the list, the view the value. */
function text(meaning: string): ColumnNote {
  return { meaning }
}

function ofFile(part: string): string {
  return `${part} of \`student_performance.file\``
}

export const studentPerformanceNotes: NotesByTable = {
  'student_performance.student_data': {
    meaning:
      'One row per student and file. In the fact topic and in `_versions` a row is a part of a file, and a column the values of all its rows, one byte each; the view takes them apart.',
    columns: {
      row_number: { unit: 'row of the file, from 1', meaning: 'Its number in the file.' },
      school: text('The student’s school: gp Gabriel Pereira, ms Mousinho da Silveira.'),
      sex: text('The student’s sex: f or m.'),
      age: { unit: 'years' },
      address: text('Home address: u urban, r rural.'),
      famsize: text('Family size: le3 up to three, gt3 more.'),
      pstatus: text('The parents live: t together, a apart.'),
      medu: step(4, 0),
      fedu: step(4, 0),
      mjob: text('The mother’s job: teacher, health, services, at_home or other.'),
      fjob: text('The father’s job: teacher, health, services, at_home or other.'),
      reason: text('Why this school was chosen: home, reputation, course or other.'),
      guardian: text('The student’s guardian: mother, father or other.'),
      traveltime: step(4),
      studytime: step(4),
      failures: { unit: 'failures' },
      schoolsup: text('Extra educational support by the school: yes or no.'),
      famsup: text('Educational support by the family: yes or no.'),
      paid: text('Extra paid classes in the subject: yes or no.'),
      activities: text('Extra-curricular activities: yes or no.'),
      nursery: text('Attended nursery school: yes or no.'),
      higher: text('Wants to take higher education: yes or no.'),
      internet: text('Internet access at home: yes or no.'),
      romantic: text('In a romantic relationship: yes or no.'),
      famrel: step(5),
      freetime: step(5),
      goout: step(5),
      dalc: step(5),
      walc: step(5),
      health: step(5),
      absences: { unit: 'absences' },
      g1: grade,
      g2: grade,
      g3: grade,
    },
  },
  'student_performance.drops': {
    columns: {
      file_name: { formula: ofFile('file_name') },
      modified_at: {
        unit: 'ms since 1970-01-01 UTC',
        from: ['student_performance.dropped_at'],
      },
      bytes: { unit: 'bytes', formula: ofFile('bytes') },
      batches: { ...batches, formula: ofFile('batches') },
      rows_read: { ...rows, formula: ofFile('rows_read') },
      rows_removed: { ...rows, formula: ofFile('rows_removed') },
      finding_check: { formula: ofFile('check of each of findings') },
      finding_column: { formula: ofFile('column of each of findings') },
      finding_rows: { ...rows, formula: ofFile('rows of each of findings') },
      finding_detail: { formula: ofFile('detail of each of findings') },
    },
  },
  'student_performance.files': {
    meaning:
      'One row per content. Incomplete: parts of it are missing, or the file as a whole was never reported.',
    columns: {
      file_name: {
        meaning: 'Name under which it was dropped first.',
        formula:
          '`student_performance.drops.file_name` with the least `student_performance.drops.modified_at`',
      },
      times_dropped: {
        unit: 'drops',
        meaning: 'How often the content was dropped.',
        formula:
          'number of (`student_performance.drops.file_name`, `student_performance.drops.modified_at`)',
      },
      rows_kept: {
        ...rows,
        meaning: 'Rows of it that are in student_data.',
        formula: 'number of `student_performance.student_data.row_number`',
      },
      batches_arrived: {
        ...batches,
        meaning: 'Parts of it that are in student_data.',
        formula:
          'number of `student_performance.batch`; rows of student_data_versions with its file_hash',
      },
      is_complete: {
        unit: '0 or 1',
        meaning: 'All parts and all rows have arrived.',
        formula:
          '`times_dropped` > 0 and `batches_arrived` = `batches` and `rows_kept` + `rows_removed` = `rows_read`',
      },
    },
  },
  'student_performance.findings': {
    meaning: 'Duplicates, outliers, removed rows and incomplete sets, one row each.',
    columns: {
      check_name: {
        meaning: 'Name of the finding.',
        formula:
          '`student_performance.drops.finding_check`; duplicate_file where `student_performance.files.times_dropped` > 1; incomplete_set where `student_performance.files.is_complete` = 0',
      },
      column_name: {
        meaning: 'The column; empty where it concerns whole rows.',
        from: ['student_performance.drops.finding_column'],
      },
      rows: {
        ...rows,
        meaning: 'How many rows it concerns.',
        formula:
          '`student_performance.drops.finding_rows`, or else `student_performance.files.rows_kept`',
      },
      detail: {
        meaning: 'What exactly.',
        formula:
          '`student_performance.drops.finding_detail`, or else `student_performance.files.times_dropped`, `student_performance.files.batches_arrived` and `student_performance.files.batches` in words',
      },
    },
  },
}
