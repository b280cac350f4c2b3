import { dashboardJson, type Dashboard } from './dashboard.ts'

const folder = new URL('../../deploy/grafana/dashboards/', import.meta.url)

export function fileOf({ uid }: Dashboard): URL {
  return new URL(`${uid}.json`, folder)
}

export function textOf(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboardJson(dashboard), null, 2)}\n`
}
