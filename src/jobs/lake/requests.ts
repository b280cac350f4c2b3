/** What the lake's jobs are asked: objects with these fields and no others. */
import { TidemarkError } from '../../core/errors.ts'

export type Fields = Readonly<Record<string, unknown>>

/** @throws TidemarkError REQUEST_INVALID */
export function fieldsOf(request: unknown, known: readonly string[], job: string): Fields {
  const given = request ?? {}
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new TidemarkError('REQUEST_INVALID', `${job} takes an object`)
  }
  const wrong = Object.keys(given).filter((name) => !known.includes(name))
  if (wrong.length === 0) return given as Fields
  const fields = known.length === 0 ? 'it has no fields' : `its fields are ${known.join(', ')}`
  throw new TidemarkError('REQUEST_INVALID', `${job}: unknown ${wrong.join(', ')}; ${fields}`)
}

/** @throws TidemarkError REQUEST_INVALID */
export function yesOrNo(fields: Fields, name: string, job: string): boolean {
  const value = fields[name] ?? false
  if (typeof value === 'boolean') return value
  throw new TidemarkError('REQUEST_INVALID', `${job}: ${name} is true or false`)
}

const daysMax = 100_000

/** Null where it is not given. @throws TidemarkError REQUEST_INVALID */
export function daysOf(fields: Fields, job: string): number | null {
  const value = fields['days'] ?? null
  if (value === null) return null
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= daysMax)
    return Number(value)
  throw new TidemarkError('REQUEST_INVALID', `${job}: days is a whole number from 1 to ${daysMax}`)
}
