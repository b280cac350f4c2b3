/** `npm run lock`, after every change of the dependencies: writes the entries that `npm ci` needs into the lock. */
import { readFileSync, writeFileSync } from 'node:fs'
import { completed, missingPlatforms, type Lock } from './platforms.ts'

const lockPath = new URL('../../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(lockPath, 'utf8')) as Lock

for (const { path, neededBy } of missingPlatforms(lock)) console.log(`${path}, for ${neededBy}`)
writeFileSync(lockPath, `${JSON.stringify(completed(lock), null, 2)}\n`)
