/** `npm run dashboards`: writes deploy/grafana/dashboards/*.json. */
import { writeFileSync } from 'node:fs'
import { allDashboards } from './all-dashboards.ts'
import { fileOf, textOf } from './dashboard-file.ts'

for (const dashboard of allDashboards) writeFileSync(fileOf(dashboard), textOf(dashboard))
