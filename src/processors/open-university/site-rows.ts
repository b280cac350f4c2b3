import type { SiteDimension } from '../../facts/open-university-star.ts'
import type { RowContext } from '../fact-rows.ts'
import type { CleanChange } from './table-rows.ts'

export function siteRow(
  { after }: CleanChange,
  { eventTimeMs, knownAtMs }: RowContext<readonly (string | number)[]>,
): SiteDimension {
  return {
    id_site: after['id_site'] as number,
    code_module: String(after['code_module']),
    code_presentation: String(after['code_presentation']),
    activity_type: after['activity_type'] as string | null,
    week_from: after['week_from'] as number | null,
    week_to: after['week_to'] as number | null,
    event_time: eventTimeMs,
    known_at: knownAtMs,
  }
}
