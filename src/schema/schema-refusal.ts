/** Why a registry does not take a schema, told so that its author can mend it: where, what was, what would be. */
import { TidemarkError } from '../core/errors.ts'
import { incompatibilities, type Incompatibility } from './compatibility.ts'
import { parseAvroText } from './parse-avro.ts'
import type { SchemaRegistry, SubjectVersion } from './schema-registry.ts'

export interface SchemaDifference {
  readonly subject: string
  readonly level: string
  readonly registered: SubjectVersion
  readonly lines: readonly string[]
}

const linesMax = 20

/** What stands between the schema and the subject's latest version, in both directions, and the registry's words.
 * Null where the registry takes the schema. */
export async function schemaDifference(
  registry: SchemaRegistry,
  subject: string,
  schema: object,
): Promise<SchemaDifference | null> {
  const verdict = await registry.checkCompatibility(subject, schema)
  if (verdict.compatible) return null
  const registered = await registry.version(subject, 'latest')
  const level =
    (await registry.compatibilityLevel(subject)) ?? (await registry.compatibilityLevel()) ?? ''
  const ours = own(registered, schema, level)
  const lines = ours.length > 0 ? ours : verdict.incompatibilities.map(({ message }) => message)
  return { subject, level, registered, lines: lines.slice(0, linesMax) }
}

/** SCHEMA_INCOMPATIBLE, with every subject and every difference. */
export function schemaRefusal(differences: readonly SchemaDifference[]): TidemarkError {
  const told = differences.map(
    ({ subject, level, registered, lines }) =>
      `schema of subject "${subject}" breaks its compatibility ${level} with version ${registered.version} (id ${registered.id}):\n` +
      lines.map((line) => `  ${line}`).join('\n'),
  )
  return new TidemarkError('SCHEMA_INCOMPATIBLE', told.join('\n'), {
    details: { subjects: differences.map(({ subject }) => subject).join(',') },
  })
}

function own(registered: SubjectVersion, schema: object, level: string): string[] {
  const before = parseAvroText(registered.schema)
  const after = parseAvroText(JSON.stringify(schema))
  const old: unknown = JSON.parse(registered.schema)
  const lines: string[] = []
  if (!level.startsWith('FORWARD')) {
    for (const fault of incompatibilities(after, before)) {
      lines.push(
        `${fault.path}: ${fault.message}; new: ${at(schema, fault)}, registered: ${counterpart(old, schema, fault)}`,
      )
    }
  }
  if (!level.startsWith('BACKWARD')) {
    for (const fault of incompatibilities(before, after)) {
      lines.push(
        `${fault.path}: the registered schema cannot read it: ${fault.message}; registered: ${at(old, fault)}, new: ${counterpart(schema, old, fault)}`,
      )
    }
  }
  return lines
}

/** The piece of a schema that a path leads to. */
function at(schema: unknown, { path }: Incompatibility): string {
  const found = walk(schema, steps(path), (value, step) =>
    Array.isArray(value) ? value[Number(step)] : member(value, step),
  )
  return shown(found)
}

/** The piece of the other schema that stands at the same place: fields by their names, not by their order. */
function counterpart(other: unknown, schema: unknown, { path }: Incompatibility): string {
  let own: unknown = schema
  let theirs: unknown = other
  for (const step of steps(path)) {
    if (Array.isArray(own)) {
      const next: unknown = own[Number(step)]
      const name = member(next, 'name')
      theirs = Array.isArray(theirs)
        ? name === undefined
          ? theirs[Number(step)]
          : theirs.find((each) => member(each, 'name') === name)
        : theirs
      own = next
    } else {
      own = member(own, step)
      theirs = member(theirs, step)
    }
  }
  return shown(theirs)
}

function walk(
  value: unknown,
  path: readonly string[],
  into: (value: unknown, step: string) => unknown,
): unknown {
  return path.reduce((found, step) => into(found, step), value)
}

/** A type may be written inside `{ type: … }`: `fields` of a field's type is below it. */
function member(value: unknown, step: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const found = (value as Record<string, unknown>)[step]
  if (found !== undefined) return found
  const { type } = value as { type?: unknown }
  return typeof type === 'object' && type !== null && step !== 'type'
    ? (type as Record<string, unknown>)[step]
    : undefined
}

function steps(path: string): string[] {
  return path.split('/').filter((step) => step !== '')
}

function shown(piece: unknown): string {
  if (piece === undefined) return 'absent'
  const text = JSON.stringify(piece)
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`
}
