import { TidemarkError } from '../core/errors.ts'
import type { InstanceStatus } from '../server/console/instance-status.ts'
import { readInstanceFile } from './instance-file.ts'

/** What the instance tells of itself that runs on the data directory. @throws TidemarkError INSTANCE_NOT_RUNNING */
export async function readStatus(dataDir: string): Promise<InstanceStatus> {
  const running = readInstanceFile(dataDir)
  if (running === null) {
    throw new TidemarkError(
      'INSTANCE_NOT_RUNNING',
      `no instance runs on ${dataDir}; tidemark up starts one`,
    )
  }
  try {
    const response = await fetch(`${running.urls.console}/api/status`)
    return (await response.json()) as InstanceStatus
  } catch (cause) {
    throw new TidemarkError(
      'INSTANCE_NOT_RUNNING',
      `the instance on ${dataDir}, process ${running.pid}, does not answer at ${running.urls.console}`,
      { cause },
    )
  }
}
