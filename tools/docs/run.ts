/** `npm run docs`: writes docs/facts.md. Exit code 1 where something has no meaning, no unit or no source. */
import { writeFileSync } from 'node:fs'
import { currentFacts } from './current-facts.ts'
import { factsPage } from './facts-page.ts'

const { model } = await currentFacts()
for (const fault of model.faults) console.error(fault)
if (model.faults.length > 0) process.exitCode = 1
else writeFileSync(new URL('../../docs/facts.md', import.meta.url), factsPage(model))
