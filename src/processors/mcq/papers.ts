/**
 * A student's paper in a test: the questions answered, each right or wrong, once the test is completed. Statistics of
 * items rest on these; what a batch changes about one goes to the sums of its test.
 */
import { avroSerde } from '../../schema/avro-serde.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import { TallyChanges, type Paper, type PaperItem } from '../item-statistics/tally.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { finalAnswer } from './student-test-rows.ts'
import type { StudentTest, StudentTestId } from './student-test.ts'

export interface StudentPaper {
  /** Null where the test is not completed. */
  readonly paper: Paper | null
  /** The latest answer or submission, milliseconds since the epoch; it only grows. */
  readonly eventTimeMs: number
}

/** Before an answer or submission: there are sessions only. */
const noEventMs = Number.MIN_SAFE_INTEGER

/** Questions whose correct option is unknown are no part of it, nor are those of other tests. */
export function paperOf(state: StudentTest): StudentPaper {
  const items: PaperItem[] | null = state.submission?.completed === true ? [] : null
  let eventTimeMs = state.submission?.submitMs ?? noEventMs
  for (const { questionId: itemId, correctOption, isStray, answers } of state.questions) {
    if (answers.length === 0) continue
    const final = finalAnswer(answers)
    eventTimeMs = Math.max(eventTimeMs, final.timestampMs)
    if (correctOption === null || isStray) continue
    items?.push({ itemId, isCorrect: final.option === correctOption })
  }
  return { paper: items === null ? null : { items }, eventTimeMs }
}

export class PapersProcessor implements Processor<StudentTestId, StudentPaper> {
  #context!: ProcessorContext
  #papers!: KeyValueStore<StudentTestId, StudentPaper>
  readonly #changes = new TallyChanges()

  init(context: ProcessorContext): void {
    this.#context = context
    this.#papers = context.store('papers')
  }

  /** Its record's own key is loaded. */
  process({ key, value }: StreamRecord<StudentTestId, StudentPaper>): void {
    const [testId] = key
    const { paper, eventTimeMs } = value
    const before = this.#papers.get(key)?.paper ?? null
    // Most events come before the test is completed: then there is nothing to keep.
    if (before !== null || paper !== null) this.#papers.put(key, value)
    if (eventTimeMs > noEventMs) this.#changes.add(testId, before, paper, eventTimeMs)
  }

  flush(): void {
    this.#changes.forwardTo(this.#context)
  }
}

export const studentPaperSerde = avroSerde<StudentPaper>('store papers', 1, {
  type: 'record',
  name: 'StudentPaper',
  fields: [
    {
      name: 'paper',
      type: [
        'null',
        {
          type: 'record',
          name: 'Paper',
          fields: [
            {
              name: 'items',
              type: {
                type: 'array',
                items: {
                  type: 'record',
                  name: 'PaperItem',
                  fields: [
                    { name: 'itemId', type: 'string' },
                    { name: 'isCorrect', type: 'boolean' },
                  ],
                },
              },
            },
          ],
        },
      ],
    },
    { name: 'eventTimeMs', type: 'long' },
  ],
})
