import { Command, Option } from 'commander'
import { channelNames, type ChannelName } from '../../app/alerts/channels/channel.ts'
import { channelsOf } from '../../app/alerts/channels/channels.ts'
import { instanceNameOf } from '../../app/alerts/instance-name.ts'
import { testChannels } from '../../app/alerts/test-channels.ts'
import { systemClock } from '../../core/clock.ts'
import {
  configurationOf,
  formatOption,
  withInstanceOptions,
  type CommonFlags,
  type OutputFormat,
} from '../common-options.ts'
import { printRows } from '../print-rows.ts'
import { UsageError } from '../usage-error.ts'

interface TestFlags extends CommonFlags {
  readonly channel?: ChannelName
  readonly format: OutputFormat
}

export function alertsCommand(): Command {
  const test = withInstanceOptions(new Command('test'))
    .description('send a marked test through each channel, once; exit code 1 where one fails')
    .addOption(new Option('--channel <name>', 'only through this one').choices([...channelNames]))
    .addOption(formatOption())
    .addHelpText(
      'after',
      `
It needs no running instance: it reads the settings of alerts. (docs/alerts.md) and sends by itself.

  TIDEMARK_ALERTS_SLACK_URL_FILE=slack-url tidemark alerts test`,
    )
    .action(runTest)
  return new Command('alerts').description('tell people of failures').addCommand(test)
}

async function runTest(flags: TestFlags): Promise<void> {
  const configuration = configurationOf(flags)
  const all = channelsOf(configuration.alerts)
  const { channel: only } = flags
  const channels = all.filter(({ name }) => only === undefined || name === only)
  if (channels.length === 0)
    throw new UsageError(
      noChannel(
        only,
        all.map(({ name }) => name),
      ),
    )
  const tests = await testChannels(channels, instanceNameOf(configuration, null), systemClock)
  printRows(
    tests.map(({ channel, target, isDelivered, answer, tookMs }) => ({
      channel,
      target,
      delivered: isDelivered ? 'yes' : 'no',
      answer,
      ms: tookMs,
    })),
    ['channel', 'target', 'delivered', 'answer', 'ms'],
    flags.format,
  )
  if (tests.some(({ isDelivered }) => !isDelivered)) process.exitCode = 1
}

function noChannel(only: ChannelName | undefined, there: readonly ChannelName[]): string {
  if (only === undefined || there.length === 0) {
    return (
      'no channel is set up, so nobody would be told: set alerts.slackUrl, alerts.emailTo with ' +
      'alerts.smtpHost, or alerts.webhookUrl (docs/alerts.md)'
    )
  }
  return `--channel ${only} is not set up; there are ${there.join(', ')} (docs/alerts.md)`
}
