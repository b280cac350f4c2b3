/**
 * What the typed stores do over any state backend: each backend's test runs `storesConformance` and
 * `storesModel` with places of its own.
 */
import { cachingAndCounting, committing, readingAndWriting } from './stores-caching.test-suite.ts'
import { givenOver } from './stores-setting.test-suite.ts'
import type { BackendPlace } from './stores-setting.test-suite.ts'
import { ranges, sessionOverlap, timeToLive, windowRetention } from './stores-time.test-suite.ts'

export function storesConformance(
  backendName: string,
  openPlace: () => Promise<BackendPlace>,
): void {
  const given = givenOver(backendName, openPlace)
  readingAndWriting(given)
  committing(given)
  cachingAndCounting(given)
  ranges(given)
  timeToLive(given)
  windowRetention(given)
  sessionOverlap(given)
}
