/** What a setting is: its default, and how its value is read. */
import { secretText, type Read } from './setting-readers.ts'

export interface Setting<T> {
  readonly fallback: T
  readonly read: Read<T>
  /** Under its own name in the environment too, as other software calls it. */
  readonly environment?: string
  /** It has no flag: the arguments of a process can be seen by everybody. */
  readonly isSecret?: boolean
}

export function setting<T>(fallback: T, read: Read<T>, more: Partial<Setting<T>> = {}): Setting<T> {
  return { fallback, read, ...more }
}

/** Absent where nobody sets it. */
export function optional<T>(
  read: Read<T>,
  more: Partial<Setting<T | null>> = {},
): Setting<T | null> {
  return { fallback: null, read, ...more }
}

export const secret = () => optional(secretText, { isSecret: true })
