import type { Context, Hono } from 'hono'
import { isCompatibilityLevel } from '../../schema/compatibility-level.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import { registryError } from '../../schema/schema-registry.ts'
import { answer } from './registry-answers.ts'
import { flag, jsonBody, subjectParameter } from './registry-requests.ts'

/** `/config` and `/mode`, global and of one subject. */
export function configurationRoutes(app: Hono, registry: SchemaRegistry): void {
  app.get('/config', async (context) =>
    answer(context, { compatibilityLevel: await registry.compatibilityLevel() }),
  )
  app.put('/config', async (context) => setLevel(registry, context))
  app.delete('/config', async (context) => {
    await registry.setCompatibilityLevel(null)
    return answer(context, { compatibilityLevel: await registry.compatibilityLevel() })
  })
  app.get('/config/:subject', async (context) => {
    const subject = subjectParameter(context)
    const own = await registry.compatibilityLevel(subject)
    const inherits = flag(context, 'defaultToGlobal')
    const level = own ?? (inherits ? await registry.compatibilityLevel() : null)
    if (level === null) throw withoutLevel(subject)
    return answer(context, { compatibilityLevel: level })
  })
  app.put('/config/:subject', async (context) => setLevel(registry, context, true))
  app.delete('/config/:subject', async (context) => {
    const subject = subjectParameter(context)
    const level = await registry.compatibilityLevel(subject)
    if (level === null) throw withoutLevel(subject)
    await registry.setCompatibilityLevel(null, subject)
    return answer(context, { compatibilityLevel: level })
  })
  for (const path of ['/mode', '/mode/:subject']) {
    app.get(path, (context) => answer(context, { mode: 'READWRITE' }))
    app.put(path, setMode)
  }
}

async function setLevel(registry: SchemaRegistry, context: Context, ofSubject = false) {
  const { compatibility } = await jsonBody(context)
  const level = typeof compatibility === 'string' ? compatibility.toUpperCase() : compatibility
  if (!isCompatibilityLevel(level)) {
    throw registryError(
      42203,
      'Invalid compatibility level. Valid values are none, backward, forward, full, ' +
        'backward_transitive, forward_transitive, and full_transitive',
    )
  }
  await registry.setCompatibilityLevel(level, ofSubject ? subjectParameter(context) : undefined)
  return answer(context, { compatibility: level })
}

async function setMode(context: Context) {
  const { mode } = await jsonBody(context)
  if (mode !== 'READWRITE') {
    throw registryError(42204, `Invalid mode. This registry has one mode, READWRITE`)
  }
  return answer(context, { mode })
}

function withoutLevel(subject: string) {
  return registryError(
    40408,
    `Subject '${subject}' does not have subject-level compatibility configured`,
  )
}
