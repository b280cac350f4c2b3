/** The platform's events as decoded from Avro (`schemas/avro`). Times are milliseconds since the epoch. */
export interface Student {
  readonly student_id: string
  readonly student_name: string | null
  readonly email: string | null
  readonly created_at: number | null
}

export interface Teacher {
  readonly teacher_id: string
  readonly teacher_name: string | null
  readonly email: string | null
  readonly department: string | null
}

export interface Test {
  readonly test_id: string
  readonly teacher_id: string | null
  readonly test_name: string | null
  readonly created_at: number | null
  readonly total_questions: number | null
}

export interface Question {
  readonly question_id: string
  readonly test_id: string
  readonly correct_option: string | null
  readonly question_text: string | null
}

export interface Session {
  readonly session_id: string
  readonly student_id: string
  readonly test_id: string
  readonly expiry_time: number | null
  readonly timestamp: number | null
}

export interface Answer {
  readonly answer_id: string
  readonly student_id: string
  readonly question_id: string
  readonly test_id: string
  readonly session_id: string | null
  readonly submitted_option: string | null
  readonly timestamp: number
}

export interface Submission {
  readonly student_id: string
  readonly test_id: string
  readonly submit_time: number
  readonly completion_status: 'completed' | 'incomplete'
}
