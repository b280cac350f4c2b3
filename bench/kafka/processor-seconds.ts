import { readFileSync } from 'node:fs'

/** Linux counts in hundredths, whatever the kernel's own tick: proc_pid_stat(5), sysconf(_SC_CLK_TCK). */
const ticksPerSecond = 100

/** Of all threads of a process that lives, user and system, since it began; NaN where there is no /proc. */
export function processorSecondsOf(pid: number | undefined): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before them may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return NaN
  }
}
