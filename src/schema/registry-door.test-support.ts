/** A registry over HTTP that a test takes away and brings back at the same address. */
import type { SchemaRegistry } from './schema-registry.ts'
import { LocalSchemaRegistry } from './local-schema-registry.ts'
import { MemoryRegistryStorage } from './registry-storage.ts'
import { Hono } from 'hono'
import { listen, type Listener } from '../server/listen.ts'
import { registryApp } from '../server/registry/registry-app.ts'

export interface RegistryDoor {
  readonly url: string
  readonly registry: SchemaRegistry
  /** Requests that came, as `GET /subjects`; the test may empty it. */
  readonly requests: string[]
  /** Not null: every request is answered so. */
  answerWith: number | null
  /** Where set: what the authorization header must be. */
  authorization: string | null
  stop(): Promise<void>
  restart(): Promise<void>
}

/** @param port 0 takes one that is free */
export async function openRegistryDoor(port = 0): Promise<RegistryDoor> {
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  const inner = registryApp(registry)
  const app = new Hono()
  let listener: Listener
  const open = async (at: number) => {
    listener = await listen(app, { name: 'schema registry', host: '127.0.0.1', port: at })
  }
  await open(port)
  const { url, port: taken } = listener!
  const door: RegistryDoor = {
    url,
    registry,
    requests: [],
    answerWith: null,
    authorization: null,
    stop: () => listener.close(0),
    restart: () => open(taken),
  }
  app.all('*', (context) => {
    door.requests.push(`${context.req.method} ${context.req.path}`)
    if (door.answerWith !== null)
      return context.json({ message: 'trouble' }, door.answerWith as 503)
    if (door.authorization !== null && context.req.header('authorization') !== door.authorization) {
      return context.json({ error_code: 401, message: 'Unauthorized' }, 401)
    }
    return inner.fetch(context.req.raw)
  })
  return door
}
