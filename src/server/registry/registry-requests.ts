import type { Context } from 'hono'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { DeletedOption, VersionSelector } from '../../schema/schema-registry.ts'
import { registryError } from '../../schema/schema-registry.ts'

const versionMax = 2 ** 31 - 1

export async function jsonBody(context: Context): Promise<Record<string, unknown>> {
  const text = await context.req.text()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw refused(400, `The body is not JSON: ${messageOf(error)}`)
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw refused(422, 'The body must be a JSON object')
  }
  return body as Record<string, unknown>
}

/** The schema of a request to register, look up or compare: `{"schema": "…"}`. */
export async function schemaRequest(context: Context): Promise<{ schema: string }> {
  const { schema, schemaType, references } = await jsonBody(context)
  if (schemaType !== undefined && schemaType !== null && schemaType !== 'AVRO') {
    throw refused(422, `The schema type ${JSON.stringify(schemaType)} is not supported: use AVRO`)
  }
  if (Array.isArray(references) && references.length > 0) {
    throw registryError(
      42201,
      'Schema references are not supported: put the referenced types into the schema itself',
    )
  }
  if (typeof schema !== 'string' || schema.trim() === '') {
    throw registryError(42201, 'Empty schema: "schema" must hold an Avro schema as a JSON string')
  }
  return { schema }
}

export function subjectParameter(context: Context): string {
  return context.req.param('subject') ?? ''
}

export function schemaId(context: Context): number {
  const text = context.req.param('id') ?? ''
  const id = Number(text)
  // As Confluent: what is no number is no path.
  if (!/^\d+$/.test(text) || id > versionMax) throw refused(404, 'HTTP 404 Not Found')
  return id
}

/** `latest` or a number; -1 is the latest, too. */
export function versionParameter(context: Context): VersionSelector {
  const text = context.req.param('version') ?? ''
  if (text === 'latest' || text === '-1') return 'latest'
  const version = Number(text)
  if (/^\d+$/.test(text) && version >= 1 && version <= versionMax) return version
  throw registryError(
    42202,
    `The specified version '${text}' is not a valid version id. ` +
      'Allowed values are between [1, 2^31-1] and the string "latest"',
  )
}

export function flag(context: Context, name: string): boolean {
  return context.req.query(name)?.toLowerCase() === 'true'
}

export function permanentFlag(context: Context): boolean {
  return flag(context, 'permanent')
}

export function deletedOption(context: Context): DeletedOption {
  return { deleted: flag(context, 'deleted') }
}

function refused(errorCode: number, message: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', message, { details: { errorCode } })
}
