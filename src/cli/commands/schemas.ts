import { Command } from 'commander'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { InstanceClient } from '../../app/instance-client.ts'
import { loadSchema, schemaTopics } from '../../schema/schema-files.ts'
import { valueSubject } from '../../schema/schema-registry.ts'
import {
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { withClient } from '../with-client.ts'
import { printRows } from '../print-rows.ts'

const registryType = 'application/vnd.schemaregistry.v1+json'

interface NamedSchema {
  readonly subject: string
  readonly schema: string
}

export function schemasCommand(): Command {
  const list = withInstanceOptions(new Command('list'))
    .description('subjects, their versions and their compatibility')
    .addOption(formatOption())
    .action(listSubjects)
  const check = withInstanceOptions(new Command('check'))
    .description('whether schemas may follow the registered ones; exit code 1 where one may not')
    .argument('[file...]', '.avsc files named for their topic (default: those of this version)')
    .action(checkSchemas)
  const register = withInstanceOptions(new Command('register'))
    .description('register schemas under the subjects of their topics')
    .argument('[file...]', '.avsc files named for their topic (default: those of this version)')
    .action(registerSchemas)
  return new Command('schemas')
    .description('list, check and register Avro schemas')
    .addCommand(list)
    .addCommand(check)
    .addCommand(register)
}

async function listSubjects(flags: CommonFlags & { format: OutputFormat }): Promise<void> {
  const rows = await withClient(flags, async (client) => {
    const subjects = await read<string[]>(client, '/subjects')
    return Promise.all(
      subjects.sort().map(async (subject) => {
        const path = `/subjects/${encodeURIComponent(subject)}/versions`
        const latest = await read<{ id: number; version: number }>(client, `${path}/latest`)
        const config = await read<{ compatibilityLevel: string }>(
          client,
          `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`,
        )
        const { id, version } = latest
        return {
          subject,
          versions: version,
          latest_id: id,
          compatibility: config.compatibilityLevel,
        }
      }),
    )
  })
  printRows(rows, ['subject', 'versions', 'latest_id', 'compatibility'], flags.format)
}

async function checkSchemas(files: readonly string[], flags: CommonFlags): Promise<void> {
  const schemas = schemasOf(files)
  const wrong = await withClient(flags, async (client) => {
    let count = 0
    for (const { subject, schema } of schemas) {
      const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`
      const verdict = await send<{ is_compatible: boolean; messages?: string[] }>(
        client,
        path,
        schema,
      )
      process.stdout.write(`${verdict.is_compatible ? 'ok     ' : 'REFUSED'} ${subject}\n`)
      for (const message of verdict.messages ?? []) process.stdout.write(`          ${message}\n`)
      if (!verdict.is_compatible) count += 1
    }
    return count
  })
  if (wrong > 0) process.exitCode = 1
}

async function registerSchemas(files: readonly string[], flags: CommonFlags): Promise<void> {
  const schemas = schemasOf(files)
  await withClient(flags, async (client) => {
    for (const { subject, schema } of schemas) {
      const path = `/subjects/${encodeURIComponent(subject)}/versions`
      const { id } = await send<{ id: number }>(client, path, schema)
      process.stdout.write(`${String(id).padStart(6)} ${subject}\n`)
    }
  })
}

function schemasOf(files: readonly string[]): readonly NamedSchema[] {
  if (files.length === 0) {
    return schemaTopics().map((topic) => ({
      subject: valueSubject(topic),
      schema: JSON.stringify(loadSchema(topic)),
    }))
  }
  return files.map((file) => {
    try {
      return {
        subject: valueSubject(basename(file, '.avsc')),
        schema: JSON.stringify(JSON.parse(readFileSync(file, 'utf8'))),
      }
    } catch (cause) {
      throw new TidemarkError('SCHEMA_INVALID', `${file}: ${messageOf(cause)}`, { cause })
    }
  })
}

async function read<T>(client: InstanceClient, path: string): Promise<T> {
  return answerOf<T>(await client.registry(path))
}

async function send<T>(client: InstanceClient, path: string, schema: string): Promise<T> {
  const response = await client.registry(path, {
    method: 'POST',
    headers: { 'content-type': registryType },
    body: JSON.stringify({ schema }),
  })
  return answerOf<T>(response)
}

async function answerOf<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T
  const { message } = (await response.json()) as { message: string }
  const code = response.status === 409 ? 'SCHEMA_INCOMPATIBLE' : 'REQUEST_INVALID'
  throw new TidemarkError(code, `schema registry: ${message}`)
}
