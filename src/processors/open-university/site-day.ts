/** A student's clicks of one day in one presentation, by page. */
import type { CleanValues } from '../../facts/open-university-tables.ts'
import { avroSerde } from '../../schema/avro-serde.ts'

export type SiteDayKey = readonly [
  student: number,
  module: string,
  presentation: string,
  day: number,
]

export interface SiteClicks {
  readonly site: number
  rows: number
  /** Of these, how many say their clicks. */
  countedRows: number
  /** Of those, summed. */
  clicks: number
}

export interface SiteDay {
  readonly sites: SiteClicks[]
}

export function emptySiteDay(): SiteDay {
  return { sites: [] }
}

export function siteDayKeyOf(values: CleanValues): SiteDayKey {
  return [
    values['id_student'] as number,
    String(values['code_module']),
    String(values['code_presentation']),
    values['date'] as number,
  ]
}

/** Puts a row of clicks in (1), or takes it out (-1); null where it does not say its clicks. */
export function addSiteClicks(
  { sites }: SiteDay,
  site: number,
  sign: 1 | -1,
  rowClicks: number | null,
): void {
  const countedRows = rowClicks === null ? 0 : sign
  const clicks = sign * (rowClicks ?? 0)
  const index = sites.findIndex((each) => each.site === site)
  const known = sites[index]
  if (known === undefined) {
    sites.push({ site, rows: sign, countedRows, clicks })
    return
  }
  known.rows += sign
  known.countedRows += countedRows
  known.clicks += clicks
  if (known.rows === 0) sites.splice(index, 1)
}

/** Null where no row says its clicks: nobody knows them then. */
export function clicksOf({ countedRows, clicks }: SiteClicks): number | null {
  return countedRows === 0 ? null : clicks
}

const siteFields = [
  { name: 'site', type: 'long' },
  { name: 'rows', type: 'int' },
  { name: 'clicks', type: 'long' },
]

function siteDaySchema(fields: readonly object[]): object {
  const items = { type: 'record', name: 'SiteClicks', fields }
  return {
    type: 'record',
    name: 'SiteDay',
    fields: [{ name: 'sites', type: { type: 'array', items } }],
  }
}

interface EarlierSiteDay {
  readonly sites: readonly Omit<SiteClicks, 'countedRows'>[]
}

export const siteDaySerde = avroSerde<SiteDay>(
  'days of clicks',
  2,
  siteDaySchema([...siteFields, { name: 'countedRows', type: 'int' }]),
  [
    {
      layout: 1,
      schema: siteDaySchema(siteFields),
      // It counted a row without clicks as one with none.
      upgrade: ({ sites }: EarlierSiteDay) => ({
        sites: sites.map((each) => ({ ...each, countedRows: each.rows })),
      }),
    },
  ],
)
