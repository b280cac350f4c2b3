/** The client of any Confluent-compatible registry. Schemas are cached by id: an id never changes its meaning. */
import { TidemarkError } from '../core/errors.ts'
import type { CompatibilityLevel } from './compatibility-level.ts'
import { isCompatibilityLevel } from './compatibility-level.ts'
import type { Incompatibility } from './compatibility.ts'
import type {
  CompatibilityVerdict,
  DeletedOption,
  RegistryErrorNumber,
  SchemaRegistry,
  SubjectVersion,
  VersionSelector,
} from './schema-registry.ts'
import { registryErrors } from './schema-registry.ts'
import { RegistryConnection, type RegistryConnectionOptions } from './registry-connection.ts'

export interface HttpSchemaRegistryOptions extends Omit<RegistryConnectionOptions, 'urls'> {
  /** `http://localhost:8081`; a path is kept. Several are the same registry at several addresses. */
  readonly url: string | readonly string[]
}

/** The oldest goes first. */
const cachedSchemasMax = 10_000

type Json = Record<string, unknown>

export class HttpSchemaRegistry implements SchemaRegistry {
  readonly #connection: RegistryConnection
  readonly #schemas = new Map<number, string>()

  /** @throws TidemarkError CONFIGURATION_INVALID where the URL is none */
  constructor(options: HttpSchemaRegistryOptions) {
    const { url, ...rest } = options
    const urls = typeof url === 'string' ? [url] : url
    this.#connection = new RegistryConnection({ ...rest, urls })
  }

  async schemaById(id: number): Promise<string | null> {
    const cached = this.#schemas.get(id)
    if (cached !== undefined) return cached
    const body = await this.#orNull(this.#request('GET', `/schemas/ids/${id}`), 40403)
    if (body === null) return null
    const { schema, schemaType } = body as { schema: string; schemaType?: string }
    if (schemaType !== undefined && schemaType !== 'AVRO') return null
    if (this.#schemas.size >= cachedSchemasMax) {
      for (const oldest of this.#schemas.keys()) {
        this.#schemas.delete(oldest)
        break
      }
    }
    this.#schemas.set(id, schema)
    return schema
  }

  /** Looked up first: who may only read a registry can use what others have registered. */
  async register(subject: string, schema: string | object): Promise<SubjectVersion> {
    const known = await this.#orNull(this.lookup(subject, schema), 40401, 40403)
    if (known !== null) return known as SubjectVersion
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    await this.#request('POST', path, { schema: textOf(schema) })
    return this.lookup(subject, schema)
  }

  async lookup(
    subject: string,
    schema: string | object,
    options: DeletedOption = {},
  ): Promise<SubjectVersion> {
    const path = `/subjects/${encodeURIComponent(subject)}${deletedQuery(options)}`
    return (await this.#request('POST', path, { schema: textOf(schema) })) as SubjectVersion
  }

  async subjects(options: DeletedOption = {}): Promise<readonly string[]> {
    return (await this.#request('GET', `/subjects${deletedQuery(options)}`)) as string[]
  }

  async versions(subject: string, options: DeletedOption = {}): Promise<readonly number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions${deletedQuery(options)}`
    return (await this.#request('GET', path)) as number[]
  }

  async version(
    subject: string,
    version: VersionSelector,
    options: DeletedOption = {},
  ): Promise<SubjectVersion> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    return (await this.#request('GET', path + deletedQuery(options))) as SubjectVersion
  }

  async usesOf(id: number, options: DeletedOption = {}): Promise<readonly SubjectVersion[]> {
    const path = `/schemas/ids/${id}/versions${deletedQuery(options)}`
    const uses = ((await this.#orNull(this.#request('GET', path), 40403)) ?? []) as {
      subject: string
      version: number
    }[]
    return Promise.all(uses.map((use) => this.version(use.subject, use.version, options)))
  }

  async checkCompatibility(
    subject: string,
    schema: string | object,
    version?: VersionSelector,
  ): Promise<CompatibilityVerdict> {
    const selected = version === undefined ? '' : `/${version}`
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions${selected}`
    const request = this.#request('POST', `${path}?verbose=true`, { schema: textOf(schema) })
    const none = version === undefined || version === 'latest'
    const body = (none ? await this.#orNull(request, 40401, 40402) : await request) as {
      is_compatible: boolean
      messages?: string[]
    } | null
    return {
      compatible: body?.is_compatible ?? true,
      incompatibilities: (body?.messages ?? []).map(incompatibility),
    }
  }

  async compatibilityLevel(subject?: string): Promise<CompatibilityLevel | null> {
    const path = subject === undefined ? '/config' : `/config/${encodeURIComponent(subject)}`
    const body = (await this.#orNull(this.#request('GET', path), 40401, 40408)) as Json | null
    const level = body?.['compatibilityLevel']
    return isCompatibilityLevel(level) ? level : null
  }

  async setCompatibilityLevel(level: CompatibilityLevel | null, subject?: string): Promise<void> {
    const path = subject === undefined ? '/config' : `/config/${encodeURIComponent(subject)}`
    if (level !== null) await this.#request('PUT', path, { compatibility: level })
    else await this.#orNull(this.#request('DELETE', path), 40401, 40408)
  }

  async deleteVersion(
    subject: string,
    version: VersionSelector,
    permanent = false,
  ): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    return (await this.#request('DELETE', `${path}${permanent ? '?permanent=true' : ''}`)) as number
  }

  async deleteSubject(subject: string, permanent = false): Promise<readonly number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}`
    const query = permanent ? '?permanent=true' : ''
    return (await this.#request('DELETE', path + query)) as number[]
  }

  close(): void {
    this.#connection.close()
  }

  async #request(method: string, path: string, body?: Json): Promise<unknown> {
    const { url, status, text } = await this.#connection.request(method, path, body)
    const parsed = parsedOrUndefined(text)
    if (status >= 200 && status < 300 && parsed !== undefined) return parsed
    throw this.#failure(`${method} ${url}`, status, parsed as Json | undefined)
  }

  #failure(request: string, status: number, body: Json | undefined): TidemarkError {
    const errorCode = Number(body?.['error_code'] ?? status)
    const message = typeof body?.['message'] === 'string' ? body['message'] : 'no reason given'
    if (errorCode in registryErrors && body !== undefined) {
      const code = registryErrors[errorCode as RegistryErrorNumber]
      return new TidemarkError(code, `schema registry: ${message}`, {
        details: { errorCode, status },
      })
    }
    if (status === 401 || status === 403) {
      return new TidemarkError(
        'CONFIGURATION_INVALID',
        `schema registry refuses the credentials: ${request} answered ${status}`,
        { details: { status } },
      )
    }
    if (status === 422 || status === 400 || status === 413) {
      return new TidemarkError('REQUEST_INVALID', `schema registry: ${message}`, {
        details: { errorCode, status },
      })
    }
    return unreachable(request, `answered ${status}: ${message}`)
  }

  /** Null where the registry answers that there is none. */
  async #orNull(request: Promise<unknown>, ...errorCodes: readonly number[]): Promise<unknown> {
    try {
      return await request
    } catch (error) {
      const errorCode = error instanceof TidemarkError ? error.details['errorCode'] : undefined
      if (errorCodes.includes(Number(errorCode))) return null
      throw error
    }
  }
}

function unreachable(url: string, reason: string): TidemarkError {
  return new TidemarkError('REGISTRY_UNREACHABLE', `schema registry at ${url}: ${reason}`, {
    details: { url },
  })
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function textOf(schema: string | object): string {
  return typeof schema === 'string' ? schema : JSON.stringify(schema)
}

function deletedQuery(options: DeletedOption): string {
  return options.deleted === true ? '?deleted=true' : ''
}

/** Of a message as registries write it; its type is in the text where it is one of ours. */
function incompatibility(message: string): Incompatibility {
  const found = /["']?(?:errorType|type)["']?:\s*["']?([A-Z_]+)/.exec(message)
  return { type: (found?.[1] ?? 'TYPE_MISMATCH') as Incompatibility['type'], path: '/', message }
}
