/** The settings of `access.`, and who a command is. */
import { optional, secret } from '../setting.ts'
import { text } from '../setting-readers.ts'

export const accessSettings = {
  'access.usersFile': optional(text),
  user: optional(text),
  password: secret(),
  passwordFile: optional(text),
} as const

/** Of the cluster profile. */
export const peerSettings = {
  'access.peerSecret': secret(),
  'access.peerSecretFile': optional(text),
} as const
