/** Presentations by their code: the year, and the month they start in as a letter: `2013B` February, `2013J` October. */

const dayMs = 24 * 60 * 60 * 1000

export interface PresentationStart {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
}

/** Days from their start have a time that a column can hold. */
const yearMin = 1900
const yearMax = 2250

/** Null where the code is none, or its year beyond 1900 to 2250. A to L are the months, as the Open University writes them. */
export function presentationStart(code: string): PresentationStart | null {
  const match = /^(\d{4})([A-L])$/.exec(code)
  if (match === null) return null
  const [, year = '', letter = ''] = match
  if (Number(year) < yearMin || Number(year) > yearMax) return null
  return { year: Number(year), month: letter.charCodeAt(0) - 'A'.charCodeAt(0) + 1 }
}

const starts = new Map<string, number>()
/** Of presentations' starts that are remembered; a century has 1,200. */
const startsMax = 1200

/** The day of a presentation, milliseconds since the epoch; OULAD gives the month only, so day 0 is its first.
 * 0, the epoch, where the code is none. */
export function dayOfPresentationMs(code: string, day: number): number {
  let startMs = starts.get(code)
  if (startMs === undefined) {
    const start = presentationStart(code)
    if (start === null) return 0
    startMs = Date.UTC(start.year, start.month - 1, 1)
    if (starts.size < startsMax) starts.set(code, startMs)
  }
  return Math.max(0, startMs + day * dayMs)
}

/** Negative before the start. */
export function weekOfDay(day: number): number {
  return Math.floor(day / 7)
}
