/** The client of any Confluent-compatible registry. Schemas are cached by id: an id never changes its meaning. */
import { messageOf, TidemarkError } from '../core/errors.ts'
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

export type RegistryAuthentication =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

export interface HttpSchemaRegistryOptions {
  /** `http://localhost:8081`; a path is kept. */
  readonly url: string
  readonly authentication?: RegistryAuthentication
  /** For one request. */
  readonly timeoutMs?: number
}

const timeoutDefaultMs = 10_000
/** The oldest goes first. */
const cachedSchemasMax = 10_000
const mediaType = 'application/vnd.schemaregistry.v1+json'

type Json = Record<string, unknown>

export class HttpSchemaRegistry implements SchemaRegistry {
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number
  readonly #schemas = new Map<number, string>()

  /** @throws TidemarkError CONFIGURATION_INVALID where the URL is none */
  constructor(options: HttpSchemaRegistryOptions) {
    const url = URL.parse(options.url)
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new TidemarkError(
        'CONFIGURATION_INVALID',
        `schema registry URL ${JSON.stringify(options.url)}: use http://host:port`,
      )
    }
    const { username, password } = url
    url.username = ''
    url.password = ''
    this.#base = url.href.replace(/\/$/, '')
    this.#timeoutMs = options.timeoutMs ?? timeoutDefaultMs
    const authentication =
      options.authentication ??
      (username === ''
        ? undefined
        : {
            kind: 'basic' as const,
            user: decodeURIComponent(username),
            password: decodeURIComponent(password),
          })
    this.#headers = {
      accept: `${mediaType}, application/json`,
      'content-type': mediaType,
      ...(authentication === undefined ? {} : { authorization: authorization(authentication) }),
    }
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

  async register(subject: string, schema: string | object): Promise<SubjectVersion> {
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

  async #request(method: string, path: string, body?: Json): Promise<unknown> {
    const url = this.#base + path
    let status: number
    let text: string
    try {
      const response = await fetch(url, {
        method,
        headers: this.#headers,
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      status = response.status
      text = await response.text()
    } catch (error) {
      throw unreachable(url, causeOf(error), error)
    }
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

function authorization(authentication: RegistryAuthentication): string {
  if (authentication.kind === 'bearer') return `Bearer ${authentication.token}`
  const { user, password } = authentication
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function unreachable(url: string, reason: string, cause?: unknown): TidemarkError {
  return new TidemarkError('REGISTRY_UNREACHABLE', `schema registry at ${url}: ${reason}`, {
    details: { url },
    cause,
  })
}

/** fetch says only "fetch failed"; what failed is its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = (cause as { code?: string } | undefined)?.code
  return cause === undefined ? messageOf(error) : (code ?? messageOf(cause))
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
