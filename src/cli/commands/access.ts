import { Command } from 'commander'
import { Writable } from 'node:stream'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { makeScryptHash } from '../../server/access/scrypt-password.ts'
import { UsageError } from '../usage-error.ts'

export function accessCommand(): Command {
  const hash = new Command('hash')
    .description('read a password from standard input, and print its passwordScrypt')
    .addHelpText(
      'after',
      `
Another each time, as the salt is random. On a terminal it is asked for and not shown. (docs/access.md)

  tidemark access hash < password`,
    )
    .action(async () => {
      const password = process.stdin.isTTY ? await askHidden() : await text(process.stdin)
      const line = password.replace(/\r?\n$/, '')
      if (line === '') throw new UsageError('the password is empty')
      process.stdout.write(`${await makeScryptHash(line)}\n`)
    })
  return new Command('access').description('passwords for a file of users').addCommand(hash)
}

function askHidden(): Promise<string> {
  process.stderr.write('password: ')
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done()
    },
  })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  return new Promise((resolve) => {
    let given = ''
    lines.once('line', (line) => {
      given = line
      lines.close()
    })
    lines.once('close', () => {
      process.stderr.write('\n')
      resolve(given)
    })
  })
}
