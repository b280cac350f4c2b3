/** What several settings say together: a secret of its own or from a file, files that must be there, what is missing. */
import { readFileSync } from 'node:fs'
import { messageOf } from '../core/errors.ts'
import { Secret } from './secret.ts'
import type { SettingPath, SettingValues } from './settings.ts'

type FileSetting = Extract<SettingPath, `${string}File`>
/** Each has a `…File` beside it. */
type SecretSetting = {
  [Path in SettingPath]: `${Path}File` extends SettingPath ? Path : never
}[SettingPath]

export class SettingsReader {
  readonly values: SettingValues
  readonly #origins: ReadonlyMap<SettingPath, string>
  readonly #faults: string[]
  readonly #needer: string

  /** @param needer who needs a setting that is missing, for the fault */
  constructor(
    values: SettingValues,
    origins: ReadonlyMap<SettingPath, string>,
    faults: string[],
    needer: string,
  ) {
    this.values = values
    this.#origins = origins
    this.#faults = faults
    this.#needer = needer
  }

  /** Rightly or wrongly. */
  isSet(path: SettingPath): boolean {
    return this.#origins.has(path)
  }

  fault(path: SettingPath, what: string): void {
    this.#faults.push(`${this.#origins.get(path) ?? path}: ${what}`)
  }

  missing<T>(path: SettingPath, standIn: T): T {
    if (!this.isSet(path)) this.#faults.push(`${path}: missing; ${this.#needer} needs it`)
    return standIn
  }

  file(path: FileSetting): string | undefined {
    const name = this.values[path]
    if (name === null) return undefined
    try {
      return readFileSync(name, 'utf8')
    } catch (thrown) {
      this.fault(path, `cannot be read: ${messageOf(thrown)}`)
      return undefined
    }
  }

  pem(path: FileSetting): string | undefined {
    const content = this.file(path)
    if (content === undefined || content.includes('-----BEGIN ')) return content
    this.fault(path, 'is not PEM, which begins with -----BEGIN')
    return undefined
  }

  /** From itself or from a file, whose last line end is not part of it. */
  secret(path: SecretSetting): Secret | null {
    const filePath = `${path}File` as const
    const text = this.values[path]
    const ofFile = this.file(filePath)?.replace(/\r?\n$/, '')
    if (text !== null && ofFile !== undefined) {
      this.fault(filePath, `set ${path} or ${filePath}, not both`)
    }
    if (ofFile === '') this.fault(filePath, 'the file is empty')
    const found = text ?? ofFile
    return found === undefined ? null : new Secret(found)
  }
}
