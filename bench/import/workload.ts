/** OULAD's files as made up from a seed: as many clicks as asked for, spread over students, pages and days as in AAA. */
import { createWriteStream, mkdirSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { Random } from '../../src/sources/random.ts'

/** Rows of clicks a student of AAA has: 350,298 of 748. */
const clicksPerStudent = 468
const sites = 200
const days = 270
const sumClickMost = 6
/** Who is there on a day opens several pages, one in four of them again: 280,990 facts of 350,298 rows. */
const rowsPerDay = 6
const againOneOf = 4
const firstStudent = 10_000

export interface Workload {
  readonly clicksFile: string
  readonly otherFiles: readonly string[]
  readonly clicksBytes: number
  /** Of all rows. */
  readonly sumClick: number
}

export async function writeOulad(directory: string, clicks: number): Promise<Workload> {
  mkdirSync(directory, { recursive: true })
  const students = Math.max(1, Math.round(clicks / clicksPerStudent))
  const ids = Array.from({ length: students }, (_, index) => firstStudent + index)
  const course = 'AAA,2013J'
  const files = {
    courses: ['code_module,code_presentation,module_presentation_length', `${course},${days}`],
    vle: [
      'id_site,code_module,code_presentation,activity_type,week_from,week_to',
      ...Array.from({ length: sites }, (_, site) => `${site},${course},resource,,`),
    ],
    studentInfo: [
      'code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,num_of_prev_attempts,studied_credits,disability,final_result',
      ...ids.map((id) => `${course},${id},${id % 2 ? 'F' : 'M'},Wales,HE,20-30%,0-35,0,60,N,Pass`),
    ],
    studentRegistration: [
      'code_module,code_presentation,id_student,date_registration,date_unregistration',
      ...ids.map((id) => `${course},${id},-30,`),
    ],
  }
  const otherFiles: string[] = []
  for (const [name, lines] of Object.entries(files)) {
    const path = join(directory, `${name}.csv`)
    await writeLines(path, lines)
    otherFiles.push(path)
  }
  const clicksFile = join(directory, 'studentVle.csv')
  const rows = new ClickRows(clicks, students)
  const clicksBytes = await writeLines(clicksFile, rows)
  return { clicksFile, otherFiles, clicksBytes, sumClick: rows.sumClick }
}

/** Student by student and day by day; a page that is opened again on the same day has a row more. */
class ClickRows implements Iterable<string> {
  readonly #clicks: number
  readonly #students: number
  sumClick = 0

  constructor(clicks: number, students: number) {
    this.#clicks = clicks
    this.#students = students
  }

  *[Symbol.iterator](): Generator<string> {
    const random = new Random(1)
    let site = 0
    yield '"code_module","code_presentation","id_student","id_site","date","sum_click"'
    for (let row = 0; row < this.#clicks; row += 1) {
      const student = firstStudent + Math.floor((row * this.#students) / this.#clicks)
      const visit = Math.floor((row % clicksPerStudent) / rowsPerDay)
      const day = Math.floor((visit * rowsPerDay * days) / clicksPerStudent)
      if (random.integer(againOneOf) > 0) site = random.integer(random.integer(sites) + 1)
      const clicks = 1 + random.integer(sumClickMost)
      this.sumClick += clicks
      yield `"AAA","2013J","${student}","${site}","${day}","${clicks}"`
    }
  }
}

/** Resolves with how many bytes. */
async function writeLines(path: string, lines: Iterable<string>): Promise<number> {
  const stream = createWriteStream(path)
  let text = ''
  for (const line of lines) {
    text += `${line}\n`
    if (text.length < 256 * 1024) continue
    if (!stream.write(text)) await once(stream, 'drain')
    text = ''
  }
  stream.end(text)
  await once(stream, 'close')
  return stream.bytesWritten
}
