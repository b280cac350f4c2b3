/** A real SMTP server on a port of its own, with STARTTLS and a login, as an organisation's is. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface MailServer {
  readonly port: number
  /** PEM, for who is to trust it. */
  readonly certificate: string
  /** Whole, headers first, in the order they came. */
  readonly mails: readonly Mail[]
  close(): Promise<void>
}

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly text: string
  readonly isEncrypted: boolean
}

export interface MailServerLogin {
  readonly username: string
  readonly password: string
}

/** Null where `openssl`, which makes the certificate, is not installed. */
export async function openMailServer(
  login: MailServerLogin,
  options: SMTPServerOptions = {},
): Promise<MailServer | null> {
  const pair = certificatePair()
  if (pair === null) return null
  const mails: Mail[] = []
  const server = new SMTPServer({
    ...pair,
    authOptional: true,
    logger: false,
    closeTimeout: 100,
    onAuth: ({ username, password }, _, answer) => {
      if (username === login.username && password === login.password) {
        answer(null, { user: username })
      } else answer(new Error(`${password ?? ''} is not the password of ${username ?? ''}`))
    },
    onData: (stream, session, answer) => {
      const { mailFrom, rcptTo } = session.envelope
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
          isEncrypted: session.secure,
        })
        answer(null, 'kept')
      })
    },
    ...options,
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as AddressInfo).port,
    certificate: pair.cert,
    mails,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve)
      }),
  }
}

function certificatePair(): { readonly key: string; readonly cert: string } | null {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-mail-'))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const words =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 ' +
    '-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1'
  try {
    execFileSync('openssl', [...words.split(' '), '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    })
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } catch {
    return null
  } finally {
    rmSync(directory, { recursive: true })
  }
}
