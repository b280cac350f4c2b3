/** Erases until a step is named, and dies there. */
import { eraseSubjects } from '../../src/app/erase.ts'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance } from '../../src/app/instance.ts'

const [dataDir = '', subject = '', dieAt = ''] = process.argv.slice(2)
const configuration = loadConfiguration({
  flags: { dataDir, topologies: 'exam-scores', workers: 0 },
  environment: {},
  directory: dataDir,
})
const die = (text: string) => {
  if (text === dieAt) process.kill(process.pid, 'SIGKILL')
}
await eraseSubjects(
  configuration,
  { topology: 'exam-scores', kind: null, names: [subject], dryRun: false, retainedOnly: false },
  {
    signal: new AbortController().signal,
    onProgress: ({ text }) => {
      die(text)
    },
    onWait: () => {},
  },
)
die('between')
await openInstance(configuration, { listen: false })
die('while the facts are made again')
