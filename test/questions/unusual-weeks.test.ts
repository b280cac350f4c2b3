/** The question about weeks unlike the others: of some hundred students who do much the same, and one who is a robot. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AskedInstance } from './asked-instance.ts'

const dayMs = 86_400_000
/** Today at noon: what checks have found is kept for 90 days. */
const noonMs = Math.floor(Date.now() / dayMs) * dayMs + dayMs / 2
const of = { code_module: 'AAA', code_presentation: '2014J' }
const robot = 9999

/** One day’s clicks; days 7 to 13 are week 1. */
function clicks(student: number, day: number, sum: number) {
  const ids = { event_id: `${student} ${day}`, id_student: String(student), id_site: '1' }
  return { ...of, ...ids, date: String(day), sum_click: String(sum) }
}

const usual = Array.from({ length: 210 }, (_, student) =>
  Array.from({ length: 2 + (student % 3) }, (_, day) =>
    clicks(student + 1, 7 + day, 8 + ((5 * student + 3 * day) % 9)),
  ),
).flat()
const unusual = Array.from({ length: 7 }, (_, day) => clicks(robot, 7 + day, 900))

describe('of weeks', () => {
  let instance: AskedInstance
  before(async () => {
    instance = await AskedInstance.open(['open-university'], noonMs)
    await instance.tell('student_vle', ...usual, ...unusual)
    instance.setNow(noonMs + 60_000)
    await instance.report()
  })
  after(() => instance.stop())

  test('unusual-weeks: whose week is unlike the others, and by what', async () => {
    const [found, ...others] = await instance.answer('unusual-weeks')
    assert.deepEqual(others, [])
    const { unusual: score, reasons, model: _, ...week } = found ?? {}
    const counts = { sum_click: 6300, active_days: 7 }
    assert.deepEqual(week, { ...of, id_student: robot, week: 1, ...counts })
    assert.ok(Number(score) > 0.6 && Number(score) < 1, String(score))
    assert.match(String(reasons), /sum_click 6300, usually /)
  })
})
