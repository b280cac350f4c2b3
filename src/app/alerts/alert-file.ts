/**
 * Which alerts last, kept over restarts in `alert-state.json` of the data directory: what was told is not told anew, and
 * what ended with the process before is told as over. Layout 1; a file that cannot be read counts as none.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { alertKey, alertNames } from './alert.ts'
import type { HeldAlert } from './alert-book.ts'

const layout = 1

interface AlertFileContent {
  readonly layout: number
  readonly alerts: readonly HeldAlert[]
}

export class AlertFile {
  readonly #path: string
  /** Which alerts it has, and when each was told. */
  #written = ''

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'alert-state.json')
  }

  read(): readonly HeldAlert[] {
    try {
      const content = JSON.parse(readFileSync(this.#path, 'utf8')) as AlertFileContent
      if (content.layout !== layout) return []
      const alerts = content.alerts.filter(({ name }) => name in alertNames)
      this.#written = signatureOf(alerts)
      return alerts
    } catch {
      return []
    }
  }

  /** No more often than it changes. What cannot be written is lost with the process, which costs a message. */
  write(alerts: readonly HeldAlert[]): void {
    const signature = signatureOf(alerts)
    if (signature === this.#written) return
    const content: AlertFileContent = { layout, alerts }
    try {
      if (alerts.length === 0) rmSync(this.#path, { force: true })
      else {
        const aside = `${this.#path}.${process.pid}`
        writeFileSync(aside, `${JSON.stringify(content)}\n`)
        renameSync(aside, this.#path)
      }
      this.#written = signature
    } catch {
      // A full disk is an alert of its own.
    }
  }
}

function signatureOf(alerts: readonly HeldAlert[]): string {
  return alerts.map((alert) => `${alertKey(alert)} ${alert.toldAtMs ?? ''}`).join('\n')
}
