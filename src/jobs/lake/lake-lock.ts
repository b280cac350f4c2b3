/**
 * One writer a lake, whichever instance or command it is: `_lock.json` in the lake itself, which only one can create.
 *
 *  1. The holder renews it while it works. One that was not renewed for `leaseMs` is taken over: its holder is dead or was
 *     suspended. The machines' clocks may differ by less than that.
 *  2. Before each step that others can see (metadata, removals) the holder makes sure that the lock is still its own, so
 *     one that was suspended ends there. Of two that take over at once the last to write has it, and both look again.
 */
import { randomUUID } from 'node:crypto'
import { pause, type Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { LakeStorage } from '../../sinks/lake/lake-storage.ts'
import { jsonText } from './metadata.ts'
import { lockPath } from './places.ts'

interface LockText {
  /** Who it is, for people. */
  readonly holder: string
  readonly token: string
  readonly renewed_at: string
}

export interface LakeLockOptions {
  readonly storage: LakeStorage
  readonly clock: Clock
  readonly holder: string
}

const leaseMs = 10 * 60_000
const renewMs = 60_000
const takeOverMs = 1_000

export class LakeLock {
  readonly #options: LakeLockOptions
  readonly #token = randomUUID()
  #cancel: () => void = () => {}
  #renewing: Promise<void> = Promise.resolve()
  #isReleased = false

  /** @throws TidemarkError LAKE_BUSY where somebody writes */
  static async take(options: LakeLockOptions): Promise<LakeLock> {
    const lock = new LakeLock(options)
    await lock.#take()
    lock.#keep()
    return lock
  }

  private constructor(options: LakeLockOptions) {
    this.#options = options
  }

  /** @throws TidemarkError LAKE_BUSY where it is another's by now */
  async check(): Promise<void> {
    const found = await this.#read()
    if (found?.token === this.#token) return
    const by = found === null ? 'nobody' : found.holder
    throw new TidemarkError(
      'LAKE_BUSY',
      `the lake in ${this.#options.storage.location} was taken over by ${by} meanwhile; run it again`,
    )
  }

  async release(): Promise<void> {
    this.#isReleased = true
    this.#cancel()
    await this.#renewing
    const found = await this.#read()
    if (found?.token === this.#token) await this.#options.storage.remove(lockPath)
  }

  async #take(): Promise<void> {
    const { storage, clock } = this.#options
    if (await storage.createText(lockPath, this.#text())) return
    const found = await this.#read()
    const agoMs = found === null ? leaseMs : clock.nowMs() - Date.parse(found.renewed_at)
    if (found !== null && agoMs < leaseMs) {
      throw new TidemarkError(
        'LAKE_BUSY',
        `${found.holder} writes to the lake in ${storage.location} (${Math.round(agoMs / 1000)} s ago); wait until it ends`,
        { details: { holder: found.holder } },
      )
    }
    await storage.putText(lockPath, this.#text())
    await pause(clock, takeOverMs)
    await this.check()
  }

  #keep(): void {
    this.#cancel = this.#options.clock.after(renewMs, () => {
      this.#renewing = this.#renew().finally(() => {
        if (!this.#isReleased) this.#keep()
      })
    })
  }

  /** One that fails is followed by another; the holder looks before each step anyway. */
  async #renew(): Promise<void> {
    try {
      await this.check()
      await this.#options.storage.putText(lockPath, this.#text())
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError)) throw thrown
    }
  }

  #text(): string {
    const renewed_at = new Date(this.#options.clock.nowMs()).toISOString()
    const text: LockText = { holder: this.#options.holder, token: this.#token, renewed_at }
    return jsonText(text)
  }

  async #read(): Promise<LockText | null> {
    const bytes = await this.#options.storage.read(lockPath)
    if (bytes === null) return null
    try {
      return JSON.parse(bytes.toString('utf8')) as LockText
    } catch {
      return null
    }
  }
}
