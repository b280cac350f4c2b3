/** Dashboards as data, and what Grafana reads of them: JSON model, schema version 39 (Grafana 11 and later). */

export interface Dashboard {
  /** Of its address and its file. */
  readonly uid: string
  readonly title: string
  readonly description: string
  /** What is shown at first, from then to now: `7d`. */
  readonly since: string
  readonly panels: readonly Panel[]
}

export type Panel = SqlPanel | MetricsPanel

interface PanelCommon {
  readonly title: string
  readonly kind: 'stat' | 'timeseries' | 'barchart' | 'table'
  /** Of 24. */
  readonly width: number
  /** Grafana's name of it. */
  readonly unit?: string
  readonly description?: string
}

export interface SqlPanel extends PanelCommon {
  /** ClickHouse; with the macros of Grafana's data source for it. */
  readonly sql: string
}

export interface MetricsPanel extends PanelCommon {
  /** PromQL, by what a line is called: `{{topology}}`. */
  readonly queries: Readonly<Record<string, string>>
}

const clickhouse = { type: 'grafana-clickhouse-datasource', uid: 'tidemark-clickhouse' }
const prometheus = { type: 'prometheus', uid: 'tidemark-prometheus' }
const gridWidth = 24
const heights = { stat: 4, timeseries: 8, barchart: 8, table: 9 }

export function dashboardJson({ uid, title, description, since, panels }: Dashboard): object {
  const places = placesOf(panels)
  return {
    uid,
    title,
    description,
    tags: ['tidemark'],
    timezone: 'utc',
    editable: true,
    graphTooltip: 1,
    schemaVersion: 39,
    refresh: '30s',
    time: { from: `now-${since}`, to: 'now' },
    templating: { list: [] },
    annotations: { list: [] },
    panels: panels.map((panel, index) => ({
      id: index + 1,
      type: panel.kind,
      title: panel.title,
      ...(panel.description === undefined ? {} : { description: panel.description }),
      gridPos: places[index],
      datasource: 'sql' in panel ? clickhouse : prometheus,
      fieldConfig: {
        defaults: panel.unit === undefined ? {} : { unit: panel.unit },
        overrides: [],
      },
      options: optionsOf(panel),
      targets: targetsOf(panel),
    })),
  }
}

/** From left to right, and down where a row is full. */
function placesOf(panels: readonly Panel[]) {
  let [x, y, rowHeight] = [0, 0, 0]
  return panels.map(({ width: w, kind }) => {
    const h = heights[kind]
    if (x + w > gridWidth) {
      y += rowHeight
      x = 0
      rowHeight = 0
    }
    const place = { h, w, x, y }
    x += w
    rowHeight = Math.max(rowHeight, h)
    return place
  })
}

function optionsOf(panel: Panel): object {
  const { kind } = panel
  // Otherwise a stat shows the last value over time, of which a table has none.
  if (kind === 'stat') {
    return { reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '' } }
  }
  return kind === 'table' ? { showHeader: true } : {}
}

function targetsOf(panel: Panel): readonly object[] {
  if ('sql' in panel) {
    const isTimeSeries = panel.kind === 'timeseries'
    return [
      {
        refId: 'A',
        datasource: clickhouse,
        editorType: 'sql',
        queryType: isTimeSeries ? 'timeseries' : 'table',
        format: isTimeSeries ? 0 : 1,
        rawSql: panel.sql,
      },
    ]
  }
  return Object.entries(panel.queries).map(([legendFormat, expr], index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: prometheus,
    expr,
    legendFormat,
    instant: false,
    range: true,
  }))
}
