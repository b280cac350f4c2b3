import { Command } from 'commander'
import { readStatus } from '../../app/read-status.ts'
import type { InstanceStatus } from '../../server/console/instance-status.ts'
import {
  configurationOf,
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { printRows, type PrintedRow } from '../print-rows.ts'

const columns = ['what', 'name', 'state', 'lag', 'detail']

export function statusCommand(): Command {
  return withInstanceOptions(new Command('status'))
    .description('what the running instance does: groups, tasks, standbys, restoring, facts')
    .addOption(formatOption())
    .action(async (flags: CommonFlags & { format: OutputFormat }) => {
      const status = await readStatus(configurationOf(flags))
      if (flags.format === 'json') {
        process.stdout.write(`${JSON.stringify(status, null, 2)}\n`)
      } else printRows(rowsOf(status), columns, flags.format)
      if (status.state !== 'running') process.exitCode = 1
    })
}

function rowsOf(status: InstanceStatus): PrintedRow[] {
  const { member } = status
  const where =
    member === null
      ? status.dataDir
      : `${member.applicationId} at ${member.brokers.join(',')}, instance ${member.instanceId}`
  return [
    {
      what: status.profile,
      name: where,
      state: status.isReady ? status.state : `${status.state}, not ready`,
      lag: null,
      detail: status.trouble ?? `version ${status.version}`,
    },
    ...status.topologies.map((topology) => ({
      what: 'topology',
      name: topology.name,
      state: topology.group,
      lag: topology.lag,
      detail: `${topology.tasks} tasks here, ${topology.processed} processed, ${Math.round(topology.recordsPerSecond)}/s`,
    })),
    ...status.tasks.map(({ id, state, waitingFor, lag }) => ({
      what: 'task',
      name: id,
      state: state ?? 'waits for its next attempt',
      lag,
      detail: waitingFor === null ? '' : `waits for ${waitingFor}`,
    })),
    ...status.skips.map(({ group, topic, partition, offsets, from, to }) => ({
      what: 'skipped',
      name: `${topic}-${partition}`,
      state: `lost to ${group}`,
      lag: null,
      detail: `${offsets} offsets were removed before they were read; the last from ${from} to before ${to}`,
    })),
    ...status.standbys.map(({ taskId, lag }) => ({
      what: 'standby',
      name: taskId,
      state: 'follows',
      lag,
      detail: '',
    })),
    ...status.restoring.map((store) => ({
      what: 'restoring',
      name: `${store.taskId} ${store.store}`,
      state: `${percent(store.offsetsDone, store.offsetsTotal)} %`,
      lag: store.offsetsTotal - store.offsetsDone,
      detail: `${Math.round(store.recordsPerSecond)}/s${store.remainingMs === null ? '' : `, ${Math.ceil(store.remainingMs / 1000)} s left`}`,
    })),
    { what: 'facts', name: 'ClickHouse', state: '', lag: status.sinkLag, detail: '' },
    ...alertRows(status),
  ]
}

function alertRows({ alerts }: InstanceStatus): PrintedRow[] {
  return [
    ...alerts.firing.map(({ name, labels, what, sinceMs }) => ({
      what: 'alert',
      name: [name, ...Object.values(labels)].join(' '),
      state: `since ${new Date(sinceMs).toISOString()}`,
      lag: null,
      detail: what,
    })),
    ...alerts.channels.map(({ name, target, delivered, waiting, trouble }) => ({
      what: 'channel',
      name: `${name} ${target}`,
      state: trouble === null ? `${delivered} messages delivered` : 'does not take messages',
      lag: waiting,
      detail: trouble ?? '',
    })),
  ]
}

function percent(done: number, total: number): number {
  return total === 0 ? 100 : Math.floor((100 * done) / total)
}
