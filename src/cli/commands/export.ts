/** `tidemark export TABLE --out FILE`: the current rows of a table as Parquet, CSV or JSON. */
import { extname } from 'node:path'
import { Command, Option } from 'commander'
import { exportFormats, exportTable, type ExportFormat } from '../../jobs/table-export.ts'
import { once, withInstanceOptions, type CommonFlags } from '../common-options.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'
import { withClient } from '../with-client.ts'

interface ExportFlags extends CommonFlags {
  readonly out: string
  readonly format?: ExportFormat
  readonly overwrite?: boolean
}

const formatByExtension: Readonly<Record<string, ExportFormat>> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.json': 'json',
  '.jsonl': 'json',
  '.ndjson': 'json',
}

export function exportCommand(): Command {
  return withInstanceOptions(new Command('export'))
    .description('write the current rows of a table into a file')
    .argument('<table>', 'DATABASE.TABLE, a view too: mcq.test_summary_fact')
    .addOption(once('--out <file>', 'where to').makeOptionMandatory())
    .addOption(
      new Option(
        '--format <format>',
        'json is an object a line (default: as the file is called)',
      ).choices([...exportFormats]),
    )
    .addOption(new Option('--overwrite', 'replace a file of that name, once the new one is whole'))
    .addHelpText(
      'after',
      `
A table too large for one Parquet file is written as FILE-0.parquet, FILE-1.parquet and so on.

  tidemark export mcq.test_summary_fact --out summaries.parquet
  tidemark export exam_scores.exam_average_score --format csv --out averages.csv`,
    )
    .action(run)
}

async function run(table: string, flags: ExportFlags): Promise<void> {
  const { out, overwrite } = flags
  const format = flags.format ?? formatByExtension[extname(out)]
  if (format === undefined) {
    throw new UsageError(`--out ${out}: give --format ${exportFormats.join(', ')}`)
  }
  if (!/^\w+\.\w+$/.test(table)) {
    throw new UsageError(`${table}: write DATABASE.TABLE, as mcq.test_summary_fact`)
  }
  const progress = openProgress()
  try {
    const { rows, files } = await withClient(flags, async (client) => {
      // An instance opened for this command has yet to process what came while none ran.
      if (!client.isRemote) await client.settle()
      return exportTable({
        clickhouse: client.clickhouse,
        table,
        format,
        path: out,
        overwrite: overwrite === true,
        onFile: (done, total) => {
          progress.update(done, total, `${done} of ${total} files`)
        },
      })
    })
    progress.stop()
    process.stdout.write(`${rows} rows of ${table}: ${files.join(', ')}\n`)
  } finally {
    progress.stop()
  }
}
