/** The part of avsc's cursor over bytes that our types use; it has no public types. Reads and writes beyond the
 * end move `pos` on and have no other effect. */
export interface Tap {
  readonly buf: Buffer
  pos: number
  readLong(): number
  readString(): string
  skipString(): void
  writeLong(value: number): void
}
