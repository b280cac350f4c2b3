import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, TidemarkError } from '../core/errors.ts'

/** Where the package keeps one `.avsc` per topic value. */
export function schemaDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) {
      throw new TidemarkError('SCHEMA_INVALID', 'the package has no package.json above its sources')
    }
    directory = parent
  }
  return join(directory, 'schemas', 'avro')
}

/**
 * The schema of a topic's values: the parsed `<topic>.avsc`. Synchronous, for definitions at module level.
 * @throws TidemarkError SCHEMA_INVALID where there is none, or it is not JSON
 */
export function loadSchema(topic: string): object {
  const path = join(schemaDirectory(), `${topic}.avsc`)
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as object
  } catch (error) {
    throw new TidemarkError('SCHEMA_INVALID', `schema of topic ${topic}: ${messageOf(error)}`, {
      details: { topic },
      cause: error,
    })
  }
}

/** The topics that have a schema file. */
export function schemaTopics(): readonly string[] {
  return readdirSync(schemaDirectory())
    .filter((name) => name.endsWith('.avsc'))
    .map((name) => name.slice(0, -'.avsc'.length))
    .sort()
}
