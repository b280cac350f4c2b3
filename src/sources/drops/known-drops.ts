/** Which contents were dropped before, and under which names: so that a duplicate is called one in the log. */

export interface DropSeen {
  readonly fileName: string
  readonly modifiedAtMs: number
}

/** Asks what is queryable. What it does not know yet only lacks the word `duplicate`: rows are never counted twice. */
export type FindDrops = (
  contentHashes: readonly string[],
) => Promise<ReadonlyMap<string, readonly DropSeen[]>>

/** Contents of which it remembers itself when they were sent, until they are surely queryable: imports are paced so that
 * half as many wait (`processing-delay.ts`). */
const recentMax = 20_000
/** Retracted drops that are remembered, until they are surely no more queryable. */
const forgottenMax = 10_000

export class KnownDrops {
  readonly #find: FindDrops
  /** In the order they were sent. */
  readonly #recent = new Map<string, DropSeen>()
  readonly #forgotten = new Set<string>()

  constructor(find: FindDrops) {
    this.#find = find
  }

  /** Of each of these drops, the name under which its content came before; null where it is new, or the very same drop
   * that was cut off and comes again. */
  async note(
    drops: readonly (DropSeen & { readonly contentHash: string })[],
  ): Promise<readonly (string | null)[]> {
    const unknown = drops
      .map(({ contentHash }) => contentHash)
      .filter((hash) => !this.#recent.has(hash))
    const found = unknown.length === 0 ? new Map<string, DropSeen[]>() : await this.#find(unknown)
    return drops.map((drop) => {
      const recent = this.#recent.get(drop.contentHash)
      const { contentHash } = drop
      const queryable = found.get(contentHash) ?? []
      const seen =
        recent === undefined
          ? queryable.filter((each) => !this.#forgotten.has(dropId({ ...each, contentHash })))
          : [recent]
      const other = seen.find((each) => !isSame(each, drop))
      if (recent === undefined) this.#remember(drop.contentHash, seen[0] ?? drop)
      return other?.fileName ?? null
    })
  }

  /** It was retracted: the same content is a new one. */
  forget(drop: DropSeen & { readonly contentHash: string }): void {
    const { contentHash } = drop
    const recent = this.#recent.get(contentHash)
    if (recent !== undefined && isSame(recent, drop)) this.#recent.delete(contentHash)
    this.#forgotten.add(dropId(drop))
    if (this.#forgotten.size <= forgottenMax) return
    const [oldest] = this.#forgotten
    if (oldest !== undefined) this.#forgotten.delete(oldest)
  }

  #remember(contentHash: string, { fileName, modifiedAtMs }: DropSeen): void {
    this.#recent.set(contentHash, { fileName, modifiedAtMs })
    if (this.#recent.size <= recentMax) return
    const [oldest] = this.#recent.keys()
    if (oldest !== undefined) this.#recent.delete(oldest)
  }
}

function dropId({
  contentHash,
  fileName,
  modifiedAtMs,
}: DropSeen & { contentHash: string }): string {
  return JSON.stringify([contentHash, fileName, modifiedAtMs])
}

function isSame(a: DropSeen, b: DropSeen): boolean {
  return a.fileName === b.fileName && a.modifiedAtMs === b.modifiedAtMs
}
