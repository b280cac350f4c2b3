/**
 * npm leaves a package built for another platform out of `package-lock.json` where it cannot see it, and `npm ci`
 * then refuses the lock ("Missing: … from lock file"). An entry with `version`, `os`, `cpu` and `optional` is
 * enough for `npm ci` to know that this platform does without it.
 */
export interface LockEntry {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>
}

export interface MissingPackage {
  /** Where npm would put it: the key of its entry. */
  readonly path: string
  readonly neededBy: string
  readonly entry: LockEntry
}

/** Optional dependencies of locked packages that have no entry themselves.
 * @throws Error where a name does not say which platform the package is for */
export function missingPlatforms(lock: Lock): readonly MissingPackage[] {
  const missing: MissingPackage[] = []
  for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (isLocked(lock, parent, name)) continue
      missing.push({
        path: `node_modules/${name}`,
        neededBy: parent === '' ? 'package.json' : parent,
        entry: { version, ...(dev === true && { dev }), optional: true, ...platformOf(name) },
      })
    }
  }
  return missing
}

/** The lock with the entries that were missing, in npm's order, and without the address of any registry. */
export function completed<L extends Lock>(lock: L): L {
  const packages: Record<string, LockEntry> = { ...lock.packages }
  for (const { path, entry } of missingPlatforms(lock)) packages[path] = entry
  const paths = Object.keys(packages).sort((a, b) => a.localeCompare(b, 'en'))
  const sorted = paths.map((path) => {
    const { resolved: _address, ...entry } = packages[path] ?? {}
    return [path, entry] as const
  })
  return { ...lock, packages: Object.fromEntries(sorted) }
}

/** As Node resolves it: in the package's own node_modules, then in those of the folders above. */
function isLocked(lock: Lock, parent: string, name: string): boolean {
  for (let folder = parent; ; folder = folder.slice(0, folder.lastIndexOf('node_modules/'))) {
    const base = folder === '' || folder.endsWith('/') ? folder : `${folder}/`
    if (`${base}node_modules/${name}` in lock.packages) return true
    if (!folder.includes('node_modules/')) return false
  }
}

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32']
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

/** `@chdb/lib-linux-arm64-gnu` is for Linux on arm64 with glibc. */
function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[-/]/)
  const os = systems.filter((system) => words.includes(system))
  const cpu = processors.filter((processor) => words.includes(processor))
  if (os.length !== 1 || cpu.length !== 1) {
    throw new Error(
      `${name} is not in the lock, and its name does not say which platform it is for`,
    )
  }
  const last = words.at(-1) ?? ''
  if (last.startsWith('gnu')) return { os, cpu, libc: ['glibc'] }
  return last.startsWith('musl') ? { os, cpu, libc: ['musl'] } : { os, cpu }
}
