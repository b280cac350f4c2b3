/**
 * Rows as TabSeparated, the format that chdb and a server both take as bytes. One buffer per batch, written in
 * place: a writer per column, chosen once from the column's type in system.columns.
 *
 * Values: times are milliseconds since the epoch (number) or Date, UInt64 bigint or number, an absent or null
 * value is \N, which ClickHouse reads as NULL, or as the column's default where it cannot be NULL.
 */
import { TidemarkError } from '../../core/errors.ts'
import type { Row, TableName } from '../sink.ts'
import { byteListText } from './byte-list.ts'
import { elementType, parseType } from './column-type.ts'

export interface Column {
  readonly name: string
  /** ClickHouse's type, as `Nullable(DateTime64(3, 'UTC'))`. */
  readonly type: string
}

/** The text of a value, already escaped. */
type Render = (value: unknown) => string

/** What each fact bears besides its own fields: a table need not keep all of it. */
const ownFields = ['event_time', 'known_at', 'version', 'is_deleted']

export class TabSeparatedEncoder {
  readonly columns: readonly string[]
  readonly #names: readonly string[]
  readonly #renders: readonly Render[]
  readonly #table: TableName
  readonly #known: ReadonlySet<string>
  #bytesPerRow = 256

  /** @param computed names of columns that the table has and that are not written */
  constructor(table: TableName, columns: readonly Column[], computed: readonly string[] = []) {
    this.#table = table
    this.#known = new Set([...columns.map(({ name }) => name), ...computed, ...ownFields])
    this.columns = columns.map(({ name }) => name)
    this.#names = this.columns
    this.#renders = columns.map(({ type }) => renderOf(type))
  }

  /** Of rows that have the same fields, but for those of deletes.
   * @throws TidemarkError SINK_REFUSED naming the column whose value has no form in its type, or that the table does not have */
  encode(rows: readonly Row[]): Buffer {
    const first = rows.find(({ is_deleted: isDeleted }) => isDeleted !== 1)
    if (first !== undefined) this.#assertHolds(first)
    let buffer = Buffer.allocUnsafe(rows.length * this.#bytesPerRow + 1024)
    let length = 0
    for (const row of rows) {
      const text = this.#renderRow(row)
      // Three bytes a UTF-16 unit is the most that UTF-8 needs.
      if (buffer.length - length < text.length * 3) {
        const grown = Buffer.allocUnsafe(buffer.length * 2 + text.length * 3)
        buffer.copy(grown, 0, 0, length)
        buffer = grown
      }
      length += buffer.write(text, length, 'utf8')
    }
    if (rows.length > 0) this.#bytesPerRow = Math.ceil((length / rows.length) * 1.1) + 16
    return buffer.subarray(0, length)
  }

  /** A field without a column would be lost without a word. */
  #assertHolds(row: Row): void {
    const missing = Object.keys(row).filter((field) => !this.#known.has(field))
    if (missing.length === 0) return
    const { database, table } = this.#table
    const message = `${database}.${table} has no column ${missing.join(', ')}; add what is missing (ALTER TABLE … ADD COLUMN), then start again`
    throw new TidemarkError('SINK_REFUSED', message, {
      details: { database, table, columns: missing.join(', ') },
    })
  }

  #renderRow(row: Row): string {
    let text = ''
    const last = this.#renders.length - 1
    for (let index = 0; index <= last; index++) {
      const name = this.#names[index] ?? ''
      const value = row[name]
      if (value === null || value === undefined) {
        text += index === last ? '\\N\n' : '\\N\t'
        continue
      }
      try {
        text += this.#renders[index]?.(value) ?? ''
      } catch (thrown) {
        throw this.#refused(name, value, thrown)
      }
      text += index === last ? '\n' : '\t'
    }
    return text
  }

  #refused(column: string, value: unknown, cause: unknown): TidemarkError {
    const { database, table } = this.#table
    const message = `${database}.${table}: column ${column} cannot hold ${typeof value} ${String(value).slice(0, 100)}`
    return new TidemarkError('SINK_REFUSED', message, {
      details: { database, table, column },
      cause,
    })
  }
}

function renderOf(type: string): Render {
  const { name, inner } = parseType(type)
  if (name === 'Nullable' || name === 'LowCardinality') return renderOf(inner[0] ?? 'String')
  if (name === 'String' || name === 'FixedString' || name.startsWith('Enum')) return renderString
  if (name === 'UUID' || name === 'Date' || name === 'Date32') return renderString
  if (name === 'Bool') return renderBool
  if (name === 'Float32' || name === 'Float64') return renderFloat
  if (/^U?Int\d+$/.test(name)) return renderInteger
  if (name === 'DateTime64') return dateTime64(Number(inner[0] ?? '3'))
  if (name === 'DateTime') return renderDateTime
  if (name.startsWith('Decimal')) return renderDecimal
  if (name === 'Array' || name === 'Map' || name === 'Tuple') {
    return nestedOf(type)
  }
  throw new RangeError(`no form for ClickHouse type ${type}`)
}

/** Inside arrays and maps text is quoted and escaped, once, and NULL is a word. */
function nestedOf(type: string): Render {
  const { name, inner } = parseType(type)
  if (name === 'Nullable') {
    const render = nestedOf(inner[0] ?? 'String')
    return (value) => (value === null || value === undefined ? 'NULL' : render(value))
  }
  if (name === 'LowCardinality') return nestedOf(inner[0] ?? 'String')
  if (name === 'Array') {
    const render = nestedOf(inner[0] ?? 'String')
    const list: Render = (value) => `[${listOf(value).map(render).join(',')}]`
    if (/^U?Int(16|32)$/.test(inner[0] ?? '')) {
      // Joined in one go: a text of each number takes several times as long.
      return (value) => {
        const numbers = listOf(value)
        return numbers.every(Number.isSafeInteger) ? `[${numbers.join(',')}]` : list(value)
      }
    }
    if (inner[0] !== 'UInt8') return list
    return (value) => (value instanceof Uint8Array ? byteListText(value) : list(value))
  }
  if (name === 'Tuple') {
    const renders = inner.map((part) => nestedOf(elementType(part)))
    return (value) => `(${renders.map((render, at) => render(listOf(value)[at])).join(',')})`
  }
  if (name === 'Map') {
    const key = nestedOf(inner[0] ?? 'String')
    const item = nestedOf(inner[1] ?? 'String')
    return (value) => {
      const pairs = entriesOf(value).map(([name, held]) => `${key(name)}:${item(held)}`)
      return `{${pairs.join(',')}}`
    }
  }
  const render = renderOf(type)
  if (/^(U?Int\d+|Float\d+|Bool|Decimal)/.test(name)) return render
  return (value) => `'${quotable(rawText(render, value))}'`
}

/** Times are rendered as digits, text as itself; quoting does the rest. */
function rawText(render: Render, value: unknown): string {
  return render === renderString ? textOf(value) : render(value)
}

const escaped: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\0': '\\0',
  '\b': '\\b',
  '\f': '\\f',
}
const needsEscape = /[\\\t\n\r\0\b\f]/
const escapes = /[\\\t\n\r\0\b\f]/g

function escapeTab(text: string): string {
  return needsEscape.test(text) ? text.replace(escapes, (found) => escaped[found] ?? found) : text
}

function quotable(text: string): string {
  return escapeTab(text).replaceAll("'", "\\'")
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value)
  }
  throw new TypeError('not text')
}

function renderString(value: unknown): string {
  if (value instanceof Uint8Array) return renderBytes(value)
  return escapeTab(textOf(value))
}

/** Bytes as they are, text or not: what is not plain ASCII goes as `\xHH`, which the engine reads back. */
function renderBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== backslashCode
    text += isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return text
}

const backslashCode = 0x5c

function renderBool(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (value === 0 || value === 1) return String(value)
  throw new TypeError('not a boolean')
}

function renderFloat(value: unknown): string {
  if (typeof value !== 'number') throw new TypeError('not a number')
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : `${value}`
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
}

function renderInteger(value: unknown): string {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError('not a safe integer')
    return `${value}`
  }
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'boolean') return value ? '1' : '0'
  throw new TypeError('not an integer')
}

function renderDecimal(value: unknown): string {
  if (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return value
  return typeof value === 'bigint' ? renderInteger(value) : renderFloat(value)
}

function millisecondsOf(value: unknown): number {
  const time = value instanceof Date ? value.getTime() : value
  if (typeof time !== 'number' || !Number.isSafeInteger(time)) throw new TypeError('not a time')
  return time
}

/** Seconds since the epoch with a fraction, ten digits at least: no time zone is involved in reading it. Before
 * 1970 there is no such form; the calendar's is read in the column's zone, UTC in our tables. */
function dateTime64(scale: number): Render {
  return (value) => {
    const time = millisecondsOf(value)
    if (time < 0) return new Date(time).toISOString().slice(0, 23).replace('T', ' ')
    const fraction = time % 1000
    const seconds = (time - fraction) / 1000
    const whole = seconds < 1e9 ? String(seconds).padStart(10, '0') : `${seconds}`
    if (scale === 0) return whole
    return `${whole}.${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}`
  }
}

function renderDateTime(value: unknown): string {
  return String(Math.max(0, Math.floor(millisecondsOf(value) / 1000))).padStart(10, '0')
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as unknown[]
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>)
  throw new TypeError('not a list')
}

function entriesOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (value instanceof Map) return [...value.entries()]
  if (typeof value === 'object' && value !== null) return Object.entries(value)
  throw new TypeError('not a map')
}
