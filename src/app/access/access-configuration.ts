/** Who may ask an instance, and who asks for a command, put together from their settings. */
import { dirname } from 'node:path'
import { Secret } from '../secret.ts'
import { SettingsReader } from '../settings-reader.ts'
import type { SettingPath, SettingValues } from '../settings.ts'
import { readUsers, type ConfiguredUser } from './users-file.ts'

export interface AccessConfiguration {
  readonly users: readonly ConfiguredUser[]
  /** What instances of a cluster show each other; null where there is no cluster. */
  readonly peerSecret: Secret | null
}

/** What a command shows the instance that it speaks to. */
export interface CredentialsConfiguration {
  readonly user: string
  readonly password: Secret
}

interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly isCluster: boolean
}

/** Null where nobody has to say who they are. Faults name the file and the user, and never a password. */
export function accessConfiguration(
  values: SettingValues,
  origins: ReadonlyMap<SettingPath, string>,
  faults: string[],
  { environment, isCluster }: Surroundings,
): AccessConfiguration | null {
  const reader = new SettingsReader(values, origins, faults, 'access.usersFile on a cluster')
  const file = values['access.usersFile']
  const peerSecret = reader.secret('access.peerSecret')
  if (file === null) {
    if (peerSecret !== null) {
      reader.fault('access.usersFile', 'missing: the secret of peers says nothing without users')
    }
    return null
  }
  if (peerSecret !== null && !/^[!-~]{16,}$/.test(peerSecret.reveal())) {
    const place = reader.isSet('access.peerSecret') ? 'access.peerSecret' : 'access.peerSecretFile'
    reader.fault(place, 'expected 16 or more letters, digits and signs of ASCII, without spaces')
  }
  if (isCluster && peerSecret === null && !reader.isSet('access.peerSecretFile')) {
    reader.missing('access.peerSecret', null)
  }
  const content = reader.file('access.usersFile')
  if (content === undefined) return null
  const found: string[] = []
  const users = readUsers(content, { directory: dirname(file), environment, faults: found })
  if (isCluster && users.some(({ databases }) => databases !== null)) {
    found.push(
      'databases: on a cluster the ClickHouse server decides what its own users read; give readers accounts there',
    )
  }
  for (const fault of found) reader.fault('access.usersFile', fault)
  return { users, peerSecret }
}

/** Null where a command shows nothing. */
export function credentialsConfiguration(
  values: SettingValues,
  origins: ReadonlyMap<SettingPath, string>,
  faults: string[],
): CredentialsConfiguration | null {
  const reader = new SettingsReader(values, origins, faults, 'user')
  const password = reader.secret('password')
  const { user } = values
  if (user === null) {
    if (password !== null && !reader.isSet('user')) {
      reader.fault('user', 'missing: the password needs one')
    }
    return null
  }
  const isTried = reader.isSet('passwordFile')
  const standIn = new Secret('')
  return { user, password: password ?? (isTried ? standIn : reader.missing('password', standIn)) }
}
