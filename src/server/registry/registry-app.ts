/**
 * Confluent's Schema Registry REST API over a registry of ours, so that its clients and curl work unchanged.
 * Source: the API reference of Confluent Schema Registry, v1. Avro alone; no schema references, no contexts
 * but the default one, and one mode, READWRITE.
 */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import { registryError } from '../../schema/schema-registry.ts'
import { configurationRoutes } from './configuration-routes.ts'
import { answer, answerError, answerText } from './registry-answers.ts'
import {
  deletedOption,
  flag,
  permanentFlag,
  schemaId,
  schemaRequest,
  subjectParameter,
  versionParameter,
} from './registry-requests.ts'

export interface RegistryAppOptions {
  /** Of a request's body. */
  readonly bodyBytesMax?: number
}

const bodyBytesMaxDefault = 1024 * 1024

export function registryApp(registry: SchemaRegistry, options: RegistryAppOptions = {}): Hono {
  const app = new Hono()
  const maxSize = options.bodyBytesMax ?? bodyBytesMaxDefault
  app.use(
    bodyLimit({
      maxSize,
      onError: (context) => answerError(context, 413, 413, `The body exceeds ${maxSize} bytes`),
    }),
  )
  app.get('/', (context) => answer(context, {}))
  app.get('/contexts', (context) => answer(context, ['.']))
  schemaRoutes(app, registry)
  subjectRoutes(app, registry)
  compatibilityRoutes(app, registry)
  configurationRoutes(app, registry)
  app.notFound((context) => answerError(context, 404, 404, 'HTTP 404 Not Found'))
  app.onError((error, context) => answerError(context, error))
  return app
}

function schemaRoutes(app: Hono, registry: SchemaRegistry): void {
  app.get('/schemas/types', (context) => answer(context, ['AVRO']))
  app.get('/schemas', async (context) => {
    const prefix = context.req.query('subjectPrefix') ?? ''
    const latestOnly = flag(context, 'latestOnly')
    const names = await registry.subjects(deletedOption(context))
    const found = []
    for (const subject of names.filter((name) => name.startsWith(prefix))) {
      const versions = await registry.versions(subject, deletedOption(context))
      for (const version of latestOnly ? versions.slice(-1) : versions) {
        found.push(await registry.version(subject, version, deletedOption(context)))
      }
    }
    return answer(context, found)
  })
  app.get('/schemas/ids/:id', async (context) =>
    answer(context, { schema: await knownSchema(registry, context) }),
  )
  app.get('/schemas/ids/:id/schema', async (context) =>
    answerText(context, await knownSchema(registry, context)),
  )
  app.get('/schemas/ids/:id/subjects', async (context) => {
    await knownSchema(registry, context)
    const uses = await registry.usesOf(schemaId(context), deletedOption(context))
    return answer(context, [...new Set(uses.map((use) => use.subject))])
  })
  app.get('/schemas/ids/:id/versions', async (context) => {
    await knownSchema(registry, context)
    const uses = await registry.usesOf(schemaId(context), deletedOption(context))
    return answer(
      context,
      uses.map(({ subject, version }) => ({ subject, version })),
    )
  })
}

async function knownSchema(registry: SchemaRegistry, context: Context): Promise<string> {
  const schema = await registry.schemaById(schemaId(context))
  if (schema === null) throw registryError(40403, `Schema ${schemaId(context)} not found`)
  return schema
}

function subjectRoutes(app: Hono, registry: SchemaRegistry): void {
  app.get('/subjects', async (context) => {
    const prefix = context.req.query('subjectPrefix') ?? ''
    const names = await registry.subjects(deletedOption(context))
    return answer(
      context,
      names.filter((name) => name.startsWith(prefix)),
    )
  })
  app.post('/subjects/:subject', async (context) => {
    const subject = subjectParameter(context)
    // An unknown subject is answered before the schema is judged, as Confluent does.
    await registry.versions(subject, deletedOption(context))
    const { schema } = await schemaRequest(context)
    return answer(context, await registry.lookup(subject, schema, deletedOption(context)))
  })
  app.delete('/subjects/:subject', async (context) =>
    answer(
      context,
      await registry.deleteSubject(subjectParameter(context), permanentFlag(context)),
    ),
  )
  app.get('/subjects/:subject/versions', async (context) =>
    answer(context, await registry.versions(subjectParameter(context), deletedOption(context))),
  )
  app.post('/subjects/:subject/versions', async (context) => {
    const { schema } = await schemaRequest(context)
    const { id } = await registry.register(subjectParameter(context), schema)
    return answer(context, { id })
  })
  const version = (context: Context) =>
    registry.version(subjectParameter(context), versionParameter(context), deletedOption(context))
  app.get('/subjects/:subject/versions/:version', async (context) =>
    answer(context, await version(context)),
  )
  app.get('/subjects/:subject/versions/:version/schema', async (context) =>
    answerText(context, (await version(context)).schema),
  )
  app.get('/subjects/:subject/versions/:version/referencedby', async (context) => {
    await version(context)
    return answer(context, [])
  })
  app.delete('/subjects/:subject/versions/:version', async (context) =>
    answer(
      context,
      await registry.deleteVersion(
        subjectParameter(context),
        versionParameter(context),
        permanentFlag(context),
      ),
    ),
  )
}

function compatibilityRoutes(app: Hono, registry: SchemaRegistry): void {
  const check = async (context: Context, version?: number | 'latest') => {
    const { schema } = await schemaRequest(context)
    const subject = subjectParameter(context)
    const verdict = await registry.checkCompatibility(subject, schema, version)
    return answer(context, {
      is_compatible: verdict.compatible,
      ...(flag(context, 'verbose')
        ? {
            messages: verdict.incompatibilities.map(
              ({ type, path, message }) => `{errorType:'${type}', path:'${path}', ${message}}`,
            ),
          }
        : {}),
    })
  }
  app.post('/compatibility/subjects/:subject/versions', (context) => check(context))
  app.post('/compatibility/subjects/:subject/versions/:version', (context) =>
    check(context, versionParameter(context)),
  )
}
