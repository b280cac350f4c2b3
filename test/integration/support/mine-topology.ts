/** Adaptive learning as a topology of one's own, as docs/adaptive-learning.md has it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bktDefaults } from '../../../src/processors/adaptive-learning/bkt.ts'

const source = (path: string) => new URL(`../../../${path}`, import.meta.url).href

/** The topology `mine`, where an attempt teaches so much. Written into the directory. */
export async function mineTopology(
  directory: string,
  version: string,
  learn: number,
): Promise<string> {
  const path = join(directory, `mine-${version}.ts`)
  const bkt = { ...bktDefaults, version, learn }
  await writeFile(
    path,
    `import { adaptiveLearning, factTables } from '${source('topologies/adaptive-learning.ts')}'
import { defaultParameters } from '${source('src/processors/adaptive-learning/parameters.ts')}'
export { factTables }
const own = { version: '${version}', bkt: ${JSON.stringify(bkt)} }
export default adaptiveLearning('mine', { ...defaultParameters, ...own })
`,
  )
  return path
}
