/** The mcq core as every contender has it: java/StudentTest.java is the same, to the byte of a fact. */
import type { Serde } from '../../src/core/serde.ts'

export interface Answer {
  readonly id: string
  readonly option: string
  readonly timestampMs: number
}

export interface Question {
  readonly id: string
  readonly answers: Answer[]
}

/** What one student has answered in one test: one value of the store. */
export interface StudentTest {
  readonly questions: Question[]
}

/** The question that was answered; null where the answer is known already. */
export function joinAnswer(state: StudentTest, value: string): Question | null {
  const [id = '', questionId = '', option = '', time = ''] = value.split('\t')
  let answered: Question | null = null
  for (const question of state.questions) {
    for (const known of question.answers) if (known.id === id) return null
    if (question.id === questionId) answered = question
  }
  const answer: Answer = { id, option, timestampMs: Number(time) }
  if (answered === null) {
    // Not empty and then added to: that would make room for seventeen.
    answered = { id: questionId, answers: [answer] }
    state.questions.push(answered)
  } else answered.answers.push(answer)
  return answered
}

/** First and last time, answers, final option, correct, revisited, time spent. */
export function interactionOf({ id, answers }: Question): string {
  let firstMs = Infinity
  for (const { timestampMs } of answers) if (timestampMs < firstMs) firstMs = timestampMs
  const last = lastOf(answers)
  const count = answers.length
  const isRight = isCorrect(id, last.option)
  return `${firstMs}\t${last.timestampMs}\t${count}\t${last.option}\t${isRight}\t${count > 1}\t${last.timestampMs - firstMs}`
}

/** Questions attempted, revisited, correct, share of correct ones in per mille, start, last answer. */
export function summaryOf({ questions }: StudentTest): string {
  let revisited = 0
  let correct = 0
  let startMs = Infinity
  let lastMs = -Infinity
  for (const { id, answers } of questions) {
    for (const { timestampMs } of answers) {
      if (timestampMs < startMs) startMs = timestampMs
      if (timestampMs > lastMs) lastMs = timestampMs
    }
    if (answers.length > 1) revisited += 1
    if (isCorrect(id, lastOf(answers).option)) correct += 1
  }
  const attempted = questions.length
  const perMille = Math.floor((1000 * correct) / attempted)
  return `${attempted}\t${revisited}\t${correct}\t${perMille}\t${startMs}\t${lastMs}`
}

function lastOf(answers: readonly Answer[]): Answer {
  let last = answers[0] as Answer
  for (const answer of answers) if (isLater(answer, last)) last = answer
  return last
}

function isLater(answer: Answer, than: Answer): boolean {
  if (answer.timestampMs !== than.timestampMs) return answer.timestampMs > than.timestampMs
  return answer.id > than.id
}

function isCorrect(questionId: string, option: string): boolean {
  return option === 'abcd'[Number(questionId.slice(1)) % 4]
}

/** Counts as two bytes, text behind its length, times as eight bytes. */
export const studentTestSerde: Serde<StudentTest> = {
  serialize: ({ questions }) => {
    let length = 2
    for (const { id, answers } of questions) {
      length += 4 + id.length
      for (const answer of answers) length += 12 + answer.id.length + answer.option.length
    }
    const bytes = Buffer.allocUnsafe(length)
    let position = bytes.writeUInt16BE(questions.length, 0)
    for (const { id, answers } of questions) {
      position = writeText(bytes, position, id)
      position = bytes.writeUInt16BE(answers.length, position)
      for (const answer of answers) {
        position = writeText(bytes, position, answer.id)
        position = writeText(bytes, position, answer.option)
        position = bytes.writeDoubleBE(answer.timestampMs, position)
      }
    }
    return bytes
  },
  deserialize: (bytes) => {
    let position = 2
    const text = (): string => {
      const start = position + 2
      position = start + bytes.readUInt16BE(position)
      return bytes.toString('latin1', start, position)
    }
    const answer = (): Answer => {
      const read = { id: text(), option: text(), timestampMs: bytes.readDoubleBE(position) }
      position += 8
      return read
    }
    const questions: Question[] = []
    for (let left = bytes.readUInt16BE(0); left > 0; left -= 1) {
      const id = text()
      const count = bytes.readUInt16BE(position)
      position += 2
      const answers = [answer()]
      for (let index = 1; index < count; index += 1) answers.push(answer())
      questions.push({ id, answers })
    }
    return { questions }
  },
}

function writeText(bytes: Buffer, position: number, text: string): number {
  const start = bytes.writeUInt16BE(text.length, position)
  return start + bytes.write(text, start, 'latin1')
}
