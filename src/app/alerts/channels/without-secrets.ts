import type { Secret } from '../../secret.ts'

const textMax = 300

/** A text of somebody else as it may be printed: short, on one line, and without what he may have echoed. */
export function withoutSecrets(text: string, secrets: readonly (Secret | null)[]): string {
  let clean = text
  for (const secret of secrets) {
    const revealed = secret?.reveal() ?? ''
    if (revealed === '') continue
    for (const form of formsOf(revealed)) clean = clean.replaceAll(form, '(secret)')
  }
  const line = clean.replaceAll(/\s+/g, ' ').trim()
  return line.length <= textMax ? line : `${line.slice(0, textMax)} …`
}

/** As it is, as SMTP encodes it, and the part of an address that is the secret. */
function formsOf(secret: string): readonly string[] {
  const path = URL.parse(secret)
  const parts = path === null ? [] : [path.pathname + path.search, path.pathname]
  const forms = [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)]
  return [...forms, ...parts.filter((part) => part.length > 1)]
}
