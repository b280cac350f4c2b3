/** Where the next page of a range goes on: after which key. Opaque to whoever pages. */
import { TidemarkError } from '../../core/errors.ts'

const layout = 1

export function pageToken(after: Buffer): string {
  return Buffer.concat([Buffer.from([layout]), after]).toString('base64url')
}

/** @throws TidemarkError REQUEST_INVALID */
export function afterOf(token: string): Buffer {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes[0] !== layout) {
    throw new TidemarkError('REQUEST_INVALID', 'page: give the `next` of the page before, as it is')
  }
  return bytes.subarray(1)
}
