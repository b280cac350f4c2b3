/**
 * JSON as people send it, turned into a value of an Avro type. Both forms of a union are read: the plain
 * value, and Avro's JSON encoding (`{"string": "x"}`). Bytes are Avro's JSON form, one character a byte.
 * Times may be numbers or ISO 8601. Every fault is found, each with its path.
 */
import type {
  AvroField,
  AvroType,
  FixedType,
  MapType,
  PrimitiveType,
  RecordType,
  UnionType,
} from './avro-type.ts'
import { branchName, describeType, longMax, unqualified } from './avro-type.ts'
import type { Fault, Path } from './faults.ts'
import { describeValue, pathText, SchemaRefusedError } from './faults.ts'
import { isoToDays, isoToMicros, isoToMs } from './iso-time.ts'
import { nearestName } from './nearest-name.ts'

type Json = Record<string, unknown>

/**
 * @param what names the value in the message: its topic or subject
 * @throws SchemaRefusedError (SCHEMA_REFUSED) with all faults
 */
export function fromJson<T>(type: AvroType, json: unknown, what: string): T {
  const reader = new JsonReader(false)
  const value = reader.read(type, json)
  if (reader.faults.length > 0) throw new SchemaRefusedError(what, reader.faults)
  return value as T
}

/** What is wrong with a field's default; a union's must be of its first branch. */
export function defaultFaults(field: AvroField): readonly Fault[] {
  const reader = new JsonReader(true)
  reader.read(field.type, field.defaultJson?.json)
  return reader.faults
}

class JsonReader {
  readonly faults: Fault[] = []
  readonly #path: Path = []
  /** True for defaults, which only have Avro's own form. */
  readonly #strict: boolean

  constructor(strict: boolean) {
    this.#strict = strict
  }

  read(type: AvroType, json: unknown): unknown {
    switch (type.kind) {
      case 'null':
        return json === null ? null : this.#mismatch(type, json)
      case 'boolean':
      case 'string':
        return typeof json === type.kind ? json : this.#mismatch(type, json)
      case 'int':
        return this.#int(type, json)
      case 'long':
        return this.#long(type, json)
      case 'float':
      case 'double':
        return this.#real(type, json)
      case 'bytes':
      case 'fixed':
        return this.#bytes(type, json)
      case 'enum':
        return this.#symbol(type, json)
      case 'array':
        return this.#array(type, json)
      case 'map':
        return this.#map(type, json)
      case 'record':
        return this.#record(type, json)
      case 'union':
        return this.#strict ? this.read(type.branches[0] ?? type, json) : this.#union(type, json)
    }
  }

  #int(type: PrimitiveType, json: unknown): unknown {
    if (typeof json === 'number' && json === (json | 0)) return json
    if (typeof json === 'string' && type.logicalType === 'date' && !this.#strict) {
      return isoToDays(json) ?? this.#mismatch(type, json, 'a date is written 2024-01-31')
    }
    return this.#mismatch(type, json)
  }

  #long(type: PrimitiveType, json: unknown): unknown {
    if (typeof json === 'number' && Number.isInteger(json)) {
      if (Math.abs(json) <= longMax) return json
      return this.#fault(`expected ${describeType(type)}, found ${json}, which is not exact`)
    }
    if (typeof json === 'string' && !this.#strict) {
      const zoned = 'a time is written 2024-01-31T10:00:00Z'
      if (type.logicalType === 'timestamp-millis') {
        return isoToMs(json) ?? this.#mismatch(type, json, zoned)
      }
      if (type.logicalType === 'timestamp-micros') {
        return isoToMicros(json) ?? this.#mismatch(type, json, zoned)
      }
    }
    return this.#mismatch(type, json)
  }

  #real(type: AvroType, json: unknown): unknown {
    if (typeof json === 'number') return json
    if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json)
    return this.#mismatch(type, json)
  }

  #bytes(type: PrimitiveType | FixedType, json: unknown): unknown {
    if (Buffer.isBuffer(json)) return json
    if (typeof json !== 'string') return this.#mismatch(type, json)
    if (!/^[\u0000-\u00ff]*$/.test(json)) {
      return this.#mismatch(type, json, 'bytes are characters up to \\u00ff')
    }
    const bytes = Buffer.from(json, 'latin1')
    return type.kind !== 'fixed' || bytes.length === type.size ? bytes : this.#mismatch(type, json)
  }

  #symbol(type: AvroType & { kind: 'enum' }, json: unknown): unknown {
    if (typeof json !== 'string') return this.#mismatch(type, json)
    if (type.symbols.includes(json)) return json
    return this.#mismatch(type, json, suggestion(json, type.symbols))
  }

  #array(type: AvroType & { kind: 'array' }, json: unknown): unknown {
    if (!Array.isArray(json)) return this.#mismatch(type, json)
    return json.map((item, index) => this.#at(index, type.items, item))
  }

  #map(type: MapType, json: unknown): unknown {
    if (!isObject(json)) return this.#mismatch(type, json)
    // Object.fromEntries defines its keys, so that "__proto__" is one like any other.
    return Object.fromEntries(
      Object.entries(json).map(([key, each]) => [key, this.#at(key, type.values, each)]),
    )
  }

  #record(type: RecordType, json: unknown): unknown {
    if (!isObject(json)) return this.#mismatch(type, json)
    const value: Json = {}
    for (const field of type.fields) {
      if (Object.hasOwn(json, field.name) && json[field.name] !== undefined) {
        value[field.name] = this.#at(field.name, field.type, json[field.name])
      } else if (field.defaultJson !== undefined) {
        value[field.name] = new JsonReader(true).read(field.type, field.defaultJson.json)
      } else {
        this.#path.push(field.name)
        this.#fault(`expected ${describeType(field.type)}, found nothing`)
        this.#path.pop()
      }
    }
    for (const name in json) {
      if (!type.fieldsByName.has(name)) this.#unknownField(type, name)
    }
    return value
  }

  #unknownField(type: RecordType, name: string): void {
    const missing = [...type.fieldsByName.keys()]
    const hint = suggestion(name, missing)
    this.#path.push(name)
    this.#fault(`not a field of ${unqualified(type.name)}${hint === '' ? '' : `; ${hint}`}`)
    this.#path.pop()
  }

  #union(type: UnionType, json: unknown): unknown {
    const [first, second] = type.branches
    if (json === null && type.branches.some((branch) => branch.kind === 'null')) return null
    const wrapped = this.#wrapped(type, json)
    let faults: readonly Fault[] = []
    if (wrapped !== undefined) {
      const attempt = this.#attempt(wrapped.branch, wrapped.json)
      if (attempt.faults.length === 0) return attempt.value
      faults = attempt.faults
    }
    if (type.branches.length === 2 && first !== undefined && second !== undefined) {
      const only = first.kind === 'null' ? second : second.kind === 'null' ? first : undefined
      if (only !== undefined) {
        const attempt = this.#attempt(only, json)
        if (attempt.faults.length === 0) return attempt.value
        // What a primitive refuses is said of the union: null would have done, too.
        if (faults.length === 0 && json !== null && typeof json === 'object')
          faults = attempt.faults
      }
    } else {
      for (const branch of likelyFirst(type.branches, json)) {
        const attempt = this.#attempt(branch, json)
        if (attempt.faults.length === 0) return attempt.value
      }
    }
    if (faults.length > 0) this.faults.push(...faults)
    else this.#mismatch(type, json, this.#hintOf(type, json))
    return null
  }

  /** The reason beyond the mismatch, where one branch alone knows it: how a time or a symbol is written. */
  #hintOf(type: UnionType, json: unknown): string {
    const values = type.branches.filter((branch) => branch.kind !== 'null')
    if (values.length !== 1 || values[0] === undefined) return ''
    const reason = this.#attempt(values[0], json).faults[0]?.reason ?? ''
    const hint = reason.indexOf('; ')
    return hint === -1 ? '' : reason.slice(hint + 2)
  }

  /** Avro's JSON form of a union's value: an object of one entry, named for the branch. */
  #wrapped(type: UnionType, json: unknown): { branch: AvroType; json: unknown } | undefined {
    if (!isObject(json)) return undefined
    const entries = Object.entries(json)
    const [entry] = entries
    if (entries.length !== 1 || entry === undefined) return undefined
    const branch = type.branches.find(
      (each) => branchName(each) === entry[0] || unqualified(branchName(each)) === entry[0],
    )
    return branch === undefined ? undefined : { branch, json: entry[1] }
  }

  #attempt(type: AvroType, json: unknown): { value: unknown; faults: readonly Fault[] } {
    const before = this.faults.length
    const value = this.read(type, json)
    return { value, faults: this.faults.splice(before) }
  }

  #at(step: string | number, type: AvroType, json: unknown): unknown {
    this.#path.push(step)
    const value = this.read(type, json)
    this.#path.pop()
    return value
  }

  #mismatch(type: AvroType, json: unknown, hint = ''): null {
    const found = `expected ${describeType(type)}, found ${describeValue(json)}`
    return this.#fault(hint === '' ? found : `${found}; ${hint}`)
  }

  #fault(reason: string): null {
    this.faults.push({ path: pathText(this.#path), reason })
    return null
  }
}

/** Text is a string before it is a time or bytes. */
function likelyFirst(branches: readonly AvroType[], json: unknown): readonly AvroType[] {
  const likely = branches.filter((branch) => branch.kind === typeof json)
  return [...likely, ...branches.filter((branch) => !likely.includes(branch))]
}

function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === null ? '' : `did you mean "${nearest}"?`
}

function isObject(value: unknown): value is Json {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)
  )
}
