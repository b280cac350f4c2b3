/** Which contents were dropped before, and under which names: so that a duplicate is called one in the log, and of a drop that
 * is retracted it is known whether its rows stay. */
import type { AcceptedDrop } from './prepare-drop.ts'

export interface DropSeen {
  readonly fileName: string
  readonly modifiedAtMs: number
}

/** Asks what is queryable. What it does not know yet only lacks the word `duplicate`: rows are never counted twice. */
export type FindDrops = (
  contentHashes: readonly string[],
) => Promise<ReadonlyMap<string, readonly DropSeen[]>>

/**
 * A packed file was known by its bytes as they came before it was by its content unpacked: where rows of those times count,
 * the file that comes again is theirs.
 */
export async function asTakenBefore(
  drop: AcceptedDrop,
  counts: (contentHash: string) => Promise<boolean>,
): Promise<AcceptedDrop> {
  const { packedHash, identity } = drop
  if (packedHash === null || !(await counts(packedHash))) return drop
  return { ...drop, identity: { ...identity, contentHash: packedHash } }
}

/** Contents of which it remembers itself when they were sent, until they are surely queryable: imports are paced so that
 * half as many wait (`processing-delay.ts`). */
const recentMax = 20_000
/** Drops of one content of which it remembers itself when they were sent. */
const recentDropsMax = 10
/** Retracted drops that are remembered, until they are surely no more queryable. */
const forgottenMax = 10_000

export class KnownDrops {
  readonly #find: FindDrops
  /** Contents and their drops in the order they were sent, with what was queryable of them before. */
  readonly #recent = new Map<string, readonly DropSeen[]>()
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
      const { contentHash } = drop
      const seen = this.#recent.get(contentHash) ?? this.#counting(contentHash, found)
      const other = seen.find((each) => !isSame(each, drop))
      this.#remember(drop, seen)
      return other?.fileName ?? null
    })
  }

  /** The drops of this content that count, the earliest first; not more than a few. */
  async drops(contentHash: string): Promise<readonly DropSeen[]> {
    const recent = this.#recent.get(contentHash)
    return recent ?? this.#counting(contentHash, await this.#find([contentHash]))
  }

  /** Whether rows of this content are queryable, and not retracted. */
  async counts(contentHash: string): Promise<boolean> {
    return this.#counting(contentHash, await this.#find([contentHash])).length > 0
  }

  /** It was retracted: the same content is a new one. */
  forget(drop: DropSeen & { readonly contentHash: string }): void {
    const { contentHash } = drop
    const left = this.#recent.get(contentHash)?.filter((each) => !isSame(each, drop)) ?? []
    if (left.length === 0) this.#recent.delete(contentHash)
    else this.#recent.set(contentHash, left)
    this.#forgotten.add(dropId(drop))
    if (this.#forgotten.size <= forgottenMax) return
    const [oldest] = this.#forgotten
    if (oldest !== undefined) this.#forgotten.delete(oldest)
  }

  #counting(
    contentHash: string,
    found: ReadonlyMap<string, readonly DropSeen[]>,
  ): readonly DropSeen[] {
    const queryable = found.get(contentHash) ?? []
    return queryable.filter((each) => !this.#forgotten.has(dropId({ ...each, contentHash })))
  }

  #remember(
    { contentHash, fileName, modifiedAtMs }: DropSeen & { readonly contentHash: string },
    seen: readonly DropSeen[],
  ): void {
    const drop = { fileName, modifiedAtMs }
    const isKnown = seen.some((each) => isSame(each, drop))
    const all = isKnown || seen.length >= recentDropsMax ? seen : [...seen, drop]
    this.#recent.set(contentHash, all)
    if (this.#recent.size <= recentMax) return
    const [oldest] = this.#recent.keys()
    if (oldest !== undefined) this.#recent.delete(oldest)
  }
}

export function dropId({
  contentHash,
  fileName,
  modifiedAtMs,
}: DropSeen & { contentHash: string }): string {
  return JSON.stringify([contentHash, fileName, modifiedAtMs])
}

export function isSame(a: DropSeen, b: DropSeen): boolean {
  return a.fileName === b.fileName && a.modifiedAtMs === b.modifiedAtMs
}
