/** Listeners with TLS and SASL: the certificates, the users and the broker's settings for them. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Java } from './java.ts'

const run = promisify(execFile)

/** Named as Kafka names the protocols. */
export type SecureListener = 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'

/** The one user of PLAIN and both SCRAMs; for OAUTHBEARER any unsecured token (RFC 7515, `alg: none`) passes. */
export const user = { name: 'tidemark', password: 'tidemark-secret' } as const

export interface Certificates {
  /** PEM of the brokers' certificate, which signed itself: the authority that clients trust. */
  readonly authority: string
  /** PKCS 12 of the brokers' key and certificate, for another server that clients are to trust. */
  readonly serverStore: Buffer
  /** PKCS 12 of a client's key and certificate, for brokers that ask for one (`ssl.client.auth`). */
  readonly clientStore: Buffer
  readonly storePassword: string
}

const storePassword = 'changeit'
const scramMechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** For `StorageTool format --add-scram`. */
export const scramCredentials = scramMechanisms.map(
  (mechanism) => `${mechanism}=[name=${user.name},password=${user.password}]`,
)

/** Makes the key stores of the brokers and of a client in `folder`, by Java's keytool. */
export async function makeCertificates(java: Java, folder: string): Promise<Certificates> {
  const keytool = java.command.replace(/java$/, 'keytool')
  const tool = async (...args: string[]) =>
    run(keytool, [...args, '-storetype', 'PKCS12', '-storepass', storePassword])
  const server = join(folder, 'server.p12')
  const client = join(folder, 'client.p12')
  const key = ['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '3650']
  const names = ['-ext', 'san=dns:localhost,ip:127.0.0.1']
  await Promise.all([
    tool(...key, ...names, '-alias', 'server', '-dname', 'CN=localhost', '-keystore', server),
    tool(...key, '-alias', 'client', '-dname', 'CN=tidemark', '-keystore', client),
  ])
  const pem = async (alias: string, store: string) => {
    const path = join(folder, `${alias}.pem`)
    await tool('-exportcert', '-rfc', '-alias', alias, '-keystore', store, '-file', path)
    return path
  }
  const [serverPem, clientPem] = await Promise.all([pem('server', server), pem('client', client)])
  const trust = ['-importcert', '-noprompt', '-keystore', join(folder, 'trust.p12')]
  await tool(...trust, '-alias', 'client', '-file', clientPem)
  return {
    authority: await readFile(serverPem, 'utf8'),
    serverStore: await readFile(server),
    clientStore: await readFile(client),
    storePassword,
  }
}

export function listenerSettings(
  listeners: readonly SecureListener[],
  folder: string,
): Readonly<Record<string, string>> {
  const plain = ['CLIENT', 'INTERNAL', 'CONTROLLER'].map((name) => `${name}:PLAINTEXT`)
  const map = [...plain, ...listeners.map((name) => `${name}:${name}`)].join(',')
  const settings: Record<string, string> = { 'listener.security.protocol.map': map }
  if (listeners.some((name) => name.endsWith('SSL'))) Object.assign(settings, tlsSettings(folder))
  for (const name of listeners) {
    if (name.startsWith('SASL')) Object.assign(settings, saslSettings(name))
  }
  return settings
}

function tlsSettings(folder: string): Record<string, string> {
  return {
    'ssl.keystore.location': join(folder, 'server.p12'),
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': storePassword,
    'ssl.key.password': storePassword,
    'ssl.truststore.location': join(folder, 'trust.p12'),
    'ssl.truststore.type': 'PKCS12',
    'ssl.truststore.password': storePassword,
    'ssl.client.auth': 'requested',
  }
}

function saslSettings(listener: SecureListener): Record<string, string> {
  const prefix = `listener.name.${listener.toLowerCase()}`
  const common = 'org.apache.kafka.common.security'
  const settings: Record<string, string> = {
    [`${prefix}.plain.sasl.jaas.config`]:
      `${common}.plain.PlainLoginModule required username="${user.name}" ` +
      `password="${user.password}" user_${user.name}="${user.password}";`,
    [`${prefix}.oauthbearer.sasl.jaas.config`]:
      `${common}.oauthbearer.OAuthBearerLoginModule required ` +
      `unsecuredLoginStringClaim_sub="${user.name}";`,
    'sasl.enabled.mechanisms': ['PLAIN', ...scramMechanisms, 'OAUTHBEARER'].join(','),
  }
  for (const mechanism of scramMechanisms) {
    settings[`${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`] =
      `${common}.scram.ScramLoginModule required;`
  }
  return settings
}
