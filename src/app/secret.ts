import { inspect } from 'node:util'

/** What must not be printed: whoever needs it reveals it; text, JSON and debuggers see a stand-in. */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '(secret)'
  }

  toJSON(): string {
    return '(secret)'
  }

  [inspect.custom](): string {
    return '(secret)'
  }
}

/** An address as it may be printed: user and password in it are left out. */
export function withoutCredentials(address: string): string {
  const url = URL.parse(address)
  if (url === null) return address.replace(/\/\/[^/@]*@/, '//')
  if (url.username === '' && url.password === '') return address
  url.username = ''
  url.password = ''
  return url.href
}
