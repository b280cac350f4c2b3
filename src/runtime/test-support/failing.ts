/** A topology whose processor fails on the word `bad`, and ends its thread on the word `exit`. */
import { exit } from 'node:process'
import { defineTopology } from '../../topology/define.ts'
import { counts, words } from './counting.ts'

export default defineTopology('failing', (builder) => {
  builder
    .stream('word', words)
    .peek('look', (_key, value) => {
      if (value?.word === 'bad') throw new Error('I do not like it')
      if (value?.word === 'exit') exit(7)
    })
    .mapValues('row', () => 1)
    .to('out', counts)
})
