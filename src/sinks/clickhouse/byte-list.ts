/** Bytes as ClickHouse's text of a list of numbers, `[1,20,255]`. */

const comma = 0x2c
const zero = 0x30
/** Three digits and a comma. */
const charactersMax = 4

let scratch = Buffer.allocUnsafe(4096)

/** Written into one buffer: a list of text pieces, one a number, takes ten times as long. */
export function byteListText(bytes: Uint8Array): string {
  const most = bytes.length * charactersMax + 2
  if (scratch.length < most) scratch = Buffer.allocUnsafe(most * 2)
  const target = scratch
  let at = 1
  target[0] = 0x5b
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number
    if (byte >= 100) {
      const hundreds = (byte / 100) | 0
      const rest = byte - hundreds * 100
      const tens = (rest / 10) | 0
      target[at++] = zero + hundreds
      target[at++] = zero + tens
      target[at++] = zero + rest - tens * 10
    } else if (byte >= 10) {
      const tens = (byte / 10) | 0
      target[at++] = zero + tens
      target[at++] = zero + byte - tens * 10
    } else target[at++] = zero + byte
    target[at++] = comma
  }
  if (bytes.length > 0) at--
  target[at++] = 0x5d
  return target.toString('latin1', 0, at)
}
