/** Where settings come from, nearest first: flags, the environment, tidemark.NAME.yaml, tidemark.yaml. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { messageOf } from '../core/errors.ts'
import { nearestName } from '../schema/nearest-name.ts'
import { environmentOf, flagOf, settingOf, settingPaths, type SettingPath } from './settings.ts'

export interface ConfigurationInput {
  readonly flags: Partial<Record<SettingPath, unknown>>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where tidemark.yaml is looked for. */
  readonly directory: string
  /** `--env NAME`: overlays tidemark.NAME.yaml, which must then exist. */
  readonly environmentName?: string
  /** Default: the machine's. */
  readonly hostName?: string
}

export interface Layer {
  readonly values: ReadonlyMap<SettingPath, unknown>
  /** Where a value of it was set, for messages. */
  readonly origin: (path: SettingPath) => string
  /** False of names that other software uses too: they are no wish to set this one up. */
  readonly isOwn: boolean
}

const ownPrefix = 'TIDEMARK_'
/** Of the tests. */
const notSettings = /^TIDEMARK_TEST_/

export function layersOf(input: ConfigurationInput, faults: string[]): readonly Layer[] {
  const flags = new Map<SettingPath, unknown>()
  for (const path of settingPaths) {
    const value = input.flags[path]
    if (value !== undefined) flags.set(path, value)
  }
  return [
    { values: flags, origin: (path) => `flag --${flagOf(path)}`, isOwn: true },
    ownEnvironment(input.environment, faults),
    knownEnvironment(input.environment),
    ...fileLayers(input, faults),
  ]
}

function ownEnvironment(environment: ConfigurationInput['environment'], faults: string[]): Layer {
  const values = new Map<SettingPath, unknown>()
  const known = new Map(settingPaths.map((path) => [environmentOf(path), path]))
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(ownPrefix) || notSettings.test(name) || value === undefined) continue
    const path = known.get(name)
    if (path !== undefined) values.set(path, value)
    else faults.push(`environment ${name}: unknown${suggestion(nearestVariable(name))}`)
  }
  return { values, origin: (path) => `environment ${environmentOf(path)}`, isOwn: true }
}

function knownEnvironment(environment: ConfigurationInput['environment']): Layer {
  const values = new Map<SettingPath, unknown>()
  for (const path of settingPaths) {
    const name = settingOf(path).environment
    // Empty is how a shell or a chart says "none".
    if (name !== undefined && (environment[name] ?? '') !== '') values.set(path, environment[name])
  }
  const origin = (path: SettingPath) => `environment ${settingOf(path).environment ?? ''}`
  return { values, origin, isOwn: false }
}

function fileLayers(input: ConfigurationInput, faults: string[]): Layer[] {
  const { directory, environmentName } = input
  const base = join(directory, 'tidemark.yaml')
  const paths = existsSync(base) ? [base] : []
  if (environmentName !== undefined) {
    const overlay = join(directory, `tidemark.${environmentName}.yaml`)
    if (existsSync(overlay)) paths.unshift(overlay)
    else faults.push(`--env ${environmentName}: there is no file ${overlay}`)
  }
  return paths.map((file) => ({
    values: readYaml(file, faults),
    origin: (path) => `${file}: ${path}`,
    isOwn: true,
  }))
}

function readYaml(file: string, faults: string[]): ReadonlyMap<SettingPath, unknown> {
  const values = new Map<SettingPath, unknown>()
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    faults.push(`${file}: ${messageOf(cause).trim()}`)
    return values
  }
  if (content === null || content === undefined) return values
  if (!isSection(content)) {
    faults.push(`${file}: expected keys and values`)
    return values
  }
  addSection(content, '', { file, values, faults })
  return values
}

interface YamlTarget {
  readonly file: string
  readonly values: Map<SettingPath, unknown>
  readonly faults: string[]
}

function addSection(section: object, prefix: string, target: YamlTarget): void {
  const { file, values, faults } = target
  for (const [key, value] of Object.entries(section)) {
    const path = `${prefix}${key}`
    const isPrefix = settingPaths.some((known) => known.startsWith(`${path}.`))
    if (isSettingPath(path)) values.set(path, value)
    else if (isPrefix && isSection(value)) addSection(value, `${path}.`, target)
    else if (isPrefix) faults.push(`${file}: ${path}: expected keys under it`)
    else faults.push(`${file}: ${path}: unknown${suggestion(nearestSetting(path))}`)
  }
}

function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSettingPath(path: string): path is SettingPath {
  return (settingPaths as readonly string[]).includes(path)
}

function suggestion(near: string | null): string {
  return near === null ? '; docs/configuration.md lists every setting' : `; did you mean ${near}?`
}

function nearestSetting(path: string): string | null {
  return nearest(path, settingPaths)
}

/** The prefix that all names have says nothing of which was meant. */
function nearestVariable(name: string): string | null {
  const variables = settingPaths.map((path) => environmentOf(path).slice(ownPrefix.length))
  const near = nearest(name.slice(ownPrefix.length), variables)
  return near === null ? null : `${ownPrefix}${near}`
}

function nearest(wrong: string, known: readonly string[]): string | null {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z]/g, '')
  const isPart = (name: string) =>
    plain(name).includes(plain(wrong)) || plain(wrong).includes(plain(name))
  return known.find(isPart) ?? nearestName(wrong, known)
}
