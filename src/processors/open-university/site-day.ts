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

/** Puts rows of clicks in, or takes them out with negative numbers. */
export function addSiteClicks(
  { sites }: SiteDay,
  site: number,
  rows: number,
  clicks: number,
): void {
  const index = sites.findIndex((each) => each.site === site)
  const known = sites[index]
  if (known === undefined) {
    sites.push({ site, rows, clicks })
    return
  }
  known.rows += rows
  known.clicks += clicks
  if (known.rows === 0) sites.splice(index, 1)
}

export const siteDaySerde = avroSerde<SiteDay>('days of clicks', 1, {
  type: 'record',
  name: 'SiteDay',
  fields: [
    {
      name: 'sites',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'SiteClicks',
          fields: [
            { name: 'site', type: 'long' },
            { name: 'rows', type: 'int' },
            { name: 'clicks', type: 'long' },
          ],
        },
      },
    },
  ],
})
