import { TidemarkError } from '../core/errors.ts'
import type { InstanceStatus } from '../server/console/instance-status.ts'
import { commandHeaders, refuseRefused } from './access/authorization.ts'
import type { Configuration } from './configuration.ts'
import { readInstanceFile } from './instance-file.ts'

/** What the instance tells of itself that runs on the data directory. @throws TidemarkError INSTANCE_NOT_RUNNING */
export async function readStatus(
  configuration: Pick<Configuration, 'dataDir' | 'credentials'>,
): Promise<InstanceStatus> {
  const { dataDir } = configuration
  const running = readInstanceFile(dataDir)
  if (running === null) {
    throw new TidemarkError(
      'INSTANCE_NOT_RUNNING',
      `no instance runs on ${dataDir}; tidemark up starts one`,
    )
  }
  let response: Response
  try {
    const headers = commandHeaders(configuration)
    response = await fetch(`${running.urls.console}/api/status`, { headers })
  } catch (cause) {
    throw new TidemarkError(
      'INSTANCE_NOT_RUNNING',
      `the instance on ${dataDir}, process ${running.pid}, does not answer at ${running.urls.console}`,
      { cause },
    )
  }
  await refuseRefused(response)
  return (await response.json()) as InstanceStatus
}
