/** The sockets of one process, as Linux tells them: by the inodes of its own file descriptors. */
import { readdir, readFile, readlink } from 'node:fs/promises'

export interface Socket {
  readonly protocol: string
  readonly local: string
  readonly remote: string
  readonly isListening: boolean
}

const protocols = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'] as const

export async function socketsOf(pid: number): Promise<readonly Socket[]> {
  const inodes = await inodesOf(pid)
  const found: Socket[] = []
  for (const protocol of protocols) {
    const table = await readFile(`/proc/${pid}/net/${protocol}`, 'utf8').catch(() => '')
    for (const line of table.trim().split('\n').slice(1)) {
      const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/)
      if (!inodes.has(inode)) continue
      found.push({
        protocol,
        local: addressOf(local),
        remote: addressOf(remote),
        isListening: state === '0A',
      })
    }
  }
  return found
}

export function isLoopback(address: string): boolean {
  return /^127\.|^\[?::1\]?:|^\[::ffff:127\./.test(address)
}

/** `0.0.0.0:0` and `[::]:0`: no other end. */
export function isNowhere(address: string): boolean {
  return address === '0.0.0.0:0' || address === '[::]:0'
}

async function inodesOf(pid: number): Promise<ReadonlySet<string>> {
  const inodes = new Set<string>()
  for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode !== undefined) inodes.add(inode)
  }
  return inodes
}

/** `0100007F:1F90`: each four bytes in the machine's order, little endian here. */
function addressOf(text: string): string {
  const [address = '', port = ''] = text.split(':')
  const words = address.match(/.{8}/g) ?? []
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse())
  const number = Number.parseInt(port, 16)
  if (words.length === 1) {
    return `${bytes.map((byte) => Number.parseInt(byte, 16)).join('.')}:${number}`
  }
  const hex = bytes.join('').toLowerCase()
  if (/^0{32}$/.test(hex)) return `[::]:${number}`
  if (/^0{31}1$/.test(hex)) return `[::1]:${number}`
  const mapped = /^0{20}ffff(.{8})$/.exec(hex)?.[1]
  if (mapped !== undefined) {
    const parts = (mapped.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16))
    return `[::ffff:${parts.join('.')}]:${number}`
  }
  return `[${hex}]:${number}`
}
