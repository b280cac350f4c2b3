/**
 * Where the files of a lake are, whatever holds them. Paths are relative to the lake, with slashes between.
 *
 *  1. What bears a name is whole: a file is made elsewhere and gets its name at once, and is durable when it has it.
 *  2. Of any number of callers of `createText` for one path exactly one gets true.
 *  3. Every failure is a TidemarkError: LAKE_UNREACHABLE may pass by itself, LAKE_REFUSED needs a person, DISK_FULL room.
 */
export interface LakeObject {
  readonly path: string
  readonly bytes: number
  /** When it was written, milliseconds since the epoch, by the storage's clock. */
  readonly modifiedMs: number
  /** Of a bucket's storage, as `STANDARD`; null where there are none, or the storage does not tell. */
  readonly storageClass: string | null
}

export interface ByteRange {
  readonly start: number
  /** The byte behind the last. */
  readonly end: number
}

export interface LakeStorage {
  /** As people are told of it; without credentials. */
  readonly location: string
  /** A path on this machine where the caller makes one file, for `putFile`. */
  workFile(): Promise<string>
  /** Moves a file of `workFile` into the lake, in the place of what has the name.
   * @param storageClass null: as the storage has it; a directory has no other */
  putFile(path: string, file: string, storageClass: string | null): Promise<void>
  putText(path: string, text: string): Promise<void>
  /** False where the name is taken; then nothing is changed. */
  createText(path: string, text: string): Promise<boolean>
  /** Null where there is none. */
  read(path: string, range?: ByteRange): Promise<Buffer | null>
  /** In pieces, whatever its size; null where there is none. */
  open(path: string): Promise<AsyncIterable<Uint8Array> | null>
  /** Everything whose path begins with the prefix, in no order. */
  list(prefix: string): AsyncIterable<LakeObject>
  /** Whole or not at all, with what is in it as it was. False where there is none. Not of a directory. */
  changeClass(path: string, storageClass: string): Promise<boolean>
  /** Harmless where there is none. */
  remove(path: string): Promise<void>
  /** Takes what was made and not put, of this holder and of those that died a day ago. */
  close(): Promise<void>
}
