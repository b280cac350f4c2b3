/** An error code of the Kafka protocol, as an error. */
import { protocolErrorsCodesById } from '@platformatic/kafka'

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  /** The protocol's number of it: 51. */
  readonly code: number
  /** The protocol's name of it: `CONCURRENT_TRANSACTIONS`. */
  readonly codeName: string
  /** Which request it answers: `EndTxn`. */
  readonly request: string

  constructor(code: number, request: string, detail: string | null = null) {
    const codeName = protocolErrorsCodesById[code] ?? `ERROR_${code}`
    super(`${request}: ${codeName}${detail === null ? '' : ` (${detail})`}`)
    this.code = code
    this.codeName = codeName
    this.request = request
  }
}
