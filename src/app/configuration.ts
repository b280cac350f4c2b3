/**
 * Configuration: flags > environment > tidemark.NAME.yaml (with --env NAME) > tidemark.yaml > defaults.
 * A wrong or unknown key is refused, all faults at once, each naming where it was set.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { messageOf, TidemarkError } from '../core/errors.ts'

export interface Configuration {
  /** The instance's data. */
  readonly dataDir: string
  /** Which topologies run: names of files under `topologies/`, or paths of one's own. */
  readonly topologies: readonly string[]
  /** The address that all ports bind to. */
  readonly host: string
  readonly portOffset: number
  /** Worker threads; 0 runs the tasks in the main thread. */
  readonly workers: number
  /** Partitions of a topic that does not say. */
  readonly partitions: number
  /** Upper bound of the state store's memory: write buffers, caches. */
  readonly memoryBudgetBytes: number
  readonly commitIntervalMs: number
  /** Whether an acknowledgement waits for the disk (`fsync`) or for the operating system (`process-crash`). */
  readonly durability: 'fsync' | 'process-crash'
  readonly bodyBytesMax: number
  readonly recordBytesMax: number
}

interface Setting<T> {
  readonly environment: string
  readonly fallback: T
  /** The value, or what is wrong with it. */
  readonly read: (raw: unknown) => { value: T } | { fault: string }
}

const mebibyte = 1024 * 1024

/** Of the tests. */
const notSettings = /^TIDEMARK_TEST_/

const settings: { [Key in keyof Configuration]: Setting<Configuration[Key]> } = {
  dataDir: { environment: 'TIDEMARK_DATA_DIR', fallback: './data', read: text },
  topologies: {
    environment: 'TIDEMARK_TOPOLOGIES',
    fallback: ['mcq', 'exam-scores'],
    read: list,
  },
  host: { environment: 'TIDEMARK_HOST', fallback: '127.0.0.1', read: text },
  portOffset: {
    environment: 'TIDEMARK_PORT_OFFSET',
    fallback: 0,
    read: wholeNumber(0, 57_000),
  },
  workers: { environment: 'TIDEMARK_WORKERS', fallback: 1, read: wholeNumber(0, 64) },
  partitions: { environment: 'TIDEMARK_PARTITIONS', fallback: 4, read: wholeNumber(1, 256) },
  memoryBudgetBytes: {
    environment: 'TIDEMARK_MEMORY_BUDGET_BYTES',
    fallback: 144 * mebibyte,
    read: wholeNumber(48 * mebibyte, 1024 * 1024 * mebibyte),
  },
  commitIntervalMs: {
    environment: 'TIDEMARK_COMMIT_INTERVAL_MS',
    fallback: 100,
    read: wholeNumber(1, 60_000),
  },
  durability: {
    environment: 'TIDEMARK_DURABILITY',
    fallback: 'fsync',
    read: oneOf(['fsync', 'process-crash'] as const),
  },
  bodyBytesMax: {
    environment: 'TIDEMARK_BODY_BYTES_MAX',
    fallback: 16 * mebibyte,
    read: wholeNumber(1024, 1024 * mebibyte),
  },
  recordBytesMax: {
    environment: 'TIDEMARK_RECORD_BYTES_MAX',
    fallback: mebibyte,
    read: wholeNumber(1024, 256 * mebibyte),
  },
}

export interface ConfigurationInput {
  readonly flags: Partial<Record<keyof Configuration, unknown>>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where tidemark.yaml is looked for. */
  readonly directory: string
  /** `--env NAME`: overlays tidemark.NAME.yaml, which must then exist. */
  readonly environmentName?: string
}

/** @throws TidemarkError CONFIGURATION_INVALID, with every fault */
export function loadConfiguration(input: ConfigurationInput): Configuration {
  const faults: string[] = []
  const layers: { origin: (key: string) => string; values: Record<string, unknown> }[] = [
    { origin: (key) => `flag --${dashed(key)}`, values: input.flags },
    {
      origin: (key) => `environment ${settings[key as keyof Configuration].environment}`,
      values: fromEnvironment(input.environment, faults),
    },
    ...fileLayers(input, faults),
  ]
  const result: Record<string, unknown> = {}
  for (const key of Object.keys(settings) as (keyof Configuration)[]) {
    const layer = layers.find(({ values }) => values[key] !== undefined)
    if (layer === undefined) {
      result[key] = settings[key].fallback
      continue
    }
    const outcome = settings[key].read(layer.values[key])
    if ('fault' in outcome) faults.push(`${layer.origin(key)}: ${outcome.fault}`)
    else result[key] = outcome.value
  }
  if (faults.length > 0) {
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      `the configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n` +
        faults.map((fault) => `  ${fault}`).join('\n'),
    )
  }
  return result as unknown as Configuration
}

function fromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  const known = new Map(Object.entries(settings).map(([key, { environment: name }]) => [name, key]))
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('TIDEMARK_') || notSettings.test(name)) continue
    const key = known.get(name)
    if (key === undefined)
      faults.push(`environment ${name}: unknown${suggestion(name, [...known.keys()])}`)
    else values[key] = value
  }
  return values
}

function fileLayers(
  { directory, environmentName }: ConfigurationInput,
  faults: string[],
): { origin: (key: string) => string; values: Record<string, unknown> }[] {
  const base = join(directory, 'tidemark.yaml')
  const paths = existsSync(base) ? [base] : []
  if (environmentName !== undefined) {
    const overlay = join(directory, `tidemark.${environmentName}.yaml`)
    if (existsSync(overlay)) paths.unshift(overlay)
    else faults.push(`--env ${environmentName}: there is no file ${overlay}`)
  }
  return paths.map((path) => ({
    origin: (key) => `${path}: ${key}`,
    values: readYaml(path, faults),
  }))
}

function readYaml(path: string, faults: string[]): Record<string, unknown> {
  let content: unknown
  try {
    content = parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    faults.push(`${path}: ${messageOf(cause)}`)
    return {}
  }
  if (content === null || content === undefined) return {}
  if (typeof content !== 'object' || Array.isArray(content)) {
    faults.push(`${path}: expected keys and values`)
    return {}
  }
  const values = content as Record<string, unknown>
  for (const key of Object.keys(values)) {
    if (!(key in settings)) {
      faults.push(`${path}: ${key}: unknown${suggestion(key, Object.keys(settings))}`)
    }
  }
  return values
}

function suggestion(wrong: string, known: readonly string[]): string {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z]/g, '')
  const near = known.find(
    (name) => plain(name).includes(plain(wrong)) || plain(wrong).includes(plain(name)),
  )
  return near === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${near}?`
}

function dashed(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function text(raw: unknown): { value: string } | { fault: string } {
  if (typeof raw === 'string' && raw.trim() !== '') return { value: raw }
  return { fault: `expected text, found ${JSON.stringify(raw)}` }
}

function list(raw: unknown): { value: readonly string[] } | { fault: string } {
  const items: unknown[] = typeof raw === 'string' ? raw.split(',') : Array.isArray(raw) ? raw : []
  const names = items.map((item) => (typeof item === 'string' ? item.trim() : ''))
  if (names.length > 0 && names.every((name) => name !== '')) return { value: names }
  return { fault: `expected one or more names with commas between, found ${JSON.stringify(raw)}` }
}

function wholeNumber(min: number, max: number) {
  return (raw: unknown): { value: number } | { fault: string } => {
    const value = typeof raw === 'string' && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw
    if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) {
      return { value: Number(value) }
    }
    return { fault: `expected a whole number from ${min} to ${max}, found ${JSON.stringify(raw)}` }
  }
}

function oneOf<T extends string>(allowed: readonly T[]) {
  return (raw: unknown): { value: T } | { fault: string } => {
    const found = allowed.find((value) => value === raw)
    if (found !== undefined) return { value: found }
    return { fault: `expected one of ${allowed.join(', ')}, found ${JSON.stringify(raw)}` }
  }
}
