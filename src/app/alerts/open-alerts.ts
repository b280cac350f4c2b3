import type { Configuration } from '../configuration.ts'
import type { Services } from '../services.ts'
import { AlertFile } from './alert-file.ts'
import { Alerts } from './alerts.ts'
import { channelsOf } from './channels/channels.ts'
import { instanceNameOf } from './instance-name.ts'
import { RunAlerts } from './run-alerts.ts'

/** @param tell a line for the operator */
export function openAlerts(
  configuration: Configuration,
  { clock, member, runs }: Services,
  tell: (line: string) => void,
): Alerts {
  const alerts = new Alerts({
    configuration: configuration.alerts,
    channels: channelsOf(configuration.alerts),
    clock,
    instance: instanceNameOf(configuration, member?.instanceId ?? null),
    file: new AlertFile(configuration.dataDir),
    tell,
  })
  const ofRuns = new RunAlerts(alerts.standing)
  runs.watch((run) => {
    ofRuns.tell(run)
  })
  return alerts
}
