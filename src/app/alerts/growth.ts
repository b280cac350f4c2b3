/** By how much counts have grown of late. Counts never fall, and start at 0 with the process. */
interface Sample {
  readonly atMs: number
  readonly count: number
}

/** A window is known to a thirtieth of itself, whatever the number of looks. */
const samplesPerWindow = 30

export class Growth {
  readonly #windowMs: number
  readonly #samples = new Map<string, Sample[]>()

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** @returns how much the count of that key has grown within the window, give or take a thirtieth of it */
  of(key: string, count: number, nowMs: number): number {
    let samples = this.#samples.get(key)
    if (samples === undefined) {
      samples = [{ atMs: nowMs, count: 0 }]
      this.#samples.set(key, samples)
    }
    const startMs = nowMs - this.#windowMs
    // The last one before the window is what it starts from.
    while ((samples[1]?.atMs ?? Infinity) <= startMs) samples.shift()
    const growth = count - (samples[0]?.count ?? 0)
    const lastMs = samples.at(-1)?.atMs ?? nowMs
    if (nowMs - lastMs >= this.#windowMs / samplesPerWindow) samples.push({ atMs: nowMs, count })
    return growth
  }
}
