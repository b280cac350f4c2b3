/** Where this version keeps the migrations of ClickHouse. */
export const migrationsDirectory = new URL('../../schemas/clickhouse/', import.meta.url).pathname
