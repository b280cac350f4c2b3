/**
 * What a dropped file must be: `schemas/files/NAME.yaml`. A value of every field has a code of one byte: a number is
 * itself, an allowed text its place in the list of values. So columns are bytes from the file to the table.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { messageOf, TidemarkError } from '../core/errors.ts'

interface FieldCommon {
  /** In lower case, as the column is named everywhere behind the file. */
  readonly name: string
  readonly meaning: string
}

export interface TextField extends FieldCommon {
  readonly type: 'text'
  /** In lower case. */
  readonly values: readonly string[]
}

export interface WholeField extends FieldCommon {
  readonly type: 'whole'
  readonly range: readonly [least: number, most: number]
  /** Values far outside the file's quartiles are reported. */
  readonly outliers: boolean
}

export type FileField = TextField | WholeField

export interface FileSchema {
  /** Of the package: `schemas/files/NAME.yaml`. */
  readonly path: string
  readonly topic: string
  /** What stands for a value that is not there, in lower case. */
  readonly missing: ReadonlySet<string>
  readonly rowsMin: number
  /** A file that loses a greater share of its rows is reported as incomplete. */
  readonly removedShareMax: number
  /** In interquartile ranges. */
  readonly outlierFence: number
  readonly fields: readonly FileField[]
}

const directory = new URL('../../schemas/files/', import.meta.url)
const codeMax = 255

/** @throws TidemarkError CONFIGURATION_INVALID, naming what is wrong with the schema */
export function loadFileSchema(name: string): FileSchema {
  const path = `schemas/files/${name}.yaml`
  let text: string
  try {
    text = readFileSync(new URL(`${name}.yaml`, directory), 'utf8')
  } catch (cause) {
    throw new TidemarkError('CONFIGURATION_INVALID', `${path}: ${messageOf(cause)}`, { cause })
  }
  return parseFileSchema(text, path)
}

/** @throws TidemarkError CONFIGURATION_INVALID */
export function parseFileSchema(text: string, path: string): FileSchema {
  try {
    return schemaOf(parse(text), path)
  } catch (cause) {
    throw new TidemarkError('CONFIGURATION_INVALID', `${path}: ${messageOf(cause)}`, { cause })
  }
}

/** How many codes the field has: every value of a column is below it. */
export function codeLimit(field: FileField): number {
  return field.type === 'text' ? field.values.length : field.range[1] + 1
}

export function describeField(field: FileField): string {
  if (field.type === 'text') return `one of ${field.values.join(', ')}`
  return `a whole number from ${field.range[0]} to ${field.range[1]}`
}

type Json = Readonly<Record<string, unknown>>

function schemaOf(parsed: unknown, path: string): FileSchema {
  const json = recordOf(parsed, 'the schema')
  const fields = listOf(json['fields'], 'fields').map(fieldOf)
  const names = fields.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new RangeError(`field ${twice} is there twice`)
  if (fields.length === 0) throw new RangeError('there is no field')
  return {
    path,
    topic: textOf(json['topic'], 'topic'),
    missing: new Set(listOf(json['missing'], 'missing').map((each) => textOf(each, 'missing'))),
    rowsMin: numberOf(json['rowsMin'], 'rowsMin'),
    removedShareMax: numberOf(json['removedShareMax'], 'removedShareMax'),
    outlierFence: numberOf(json['outlierFence'], 'outlierFence'),
    fields,
  }
}

function fieldOf(parsed: unknown, index: number): FileField {
  const json = recordOf(parsed, `field ${index + 1}`)
  const name = textOf(json['name'], `name of field ${index + 1}`)
  const meaning = typeof json['meaning'] === 'string' ? json['meaning'] : ''
  if (json['type'] === 'text') {
    const values = listOf(json['values'], `values of ${name}`).map((each) => textOf(each, name))
    if (values.length === 0 || values.length > codeMax + 1) {
      throw new RangeError(
        `values of ${name}: expected 1 to ${codeMax + 1}, found ${values.length}`,
      )
    }
    return { type: 'text', name, meaning, values }
  }
  if (json['type'] !== 'whole') {
    throw new RangeError(`type of ${name}: expected text or whole, found ${String(json['type'])}`)
  }
  const [least, most] = listOf(json['range'], `range of ${name}`).map((each) =>
    numberOf(each, name),
  )
  if (least === undefined || most === undefined || least < 0 || least > most || most > codeMax) {
    throw new RangeError(`range of ${name}: expected two numbers from 0 to ${codeMax}`)
  }
  return { type: 'whole', name, meaning, range: [least, most], outliers: json['outliers'] === true }
}

function recordOf(found: unknown, what: string): Json {
  if (typeof found === 'object' && found !== null && !Array.isArray(found)) return found as Json
  throw new TypeError(`${what}: expected keys and values`)
}

function listOf(found: unknown, what: string): readonly unknown[] {
  if (Array.isArray(found)) return found as unknown[]
  throw new TypeError(`${what}: expected a list`)
}

function textOf(found: unknown, what: string): string {
  if (typeof found !== 'string') throw new TypeError(`${what}: expected text`)
  if (found !== found.toLowerCase()) throw new RangeError(`${what}: ${found} is not in lower case`)
  return found
}

function numberOf(found: unknown, what: string): number {
  if (typeof found === 'number' && Number.isFinite(found)) return found
  throw new TypeError(`${what}: expected a number`)
}
