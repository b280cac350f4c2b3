/** ClickHouse's own HTTP status for its error numbers (`exceptionCodeToHTTPStatus.cpp`). */
const statuses: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [401, [194]],
  [403, [192, 193, 497, 511, 516]],
  [
    400,
    [
      6, 15, 16, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 116, 117, 167, 168, 223, 321, 376, 427,
      441, 631, 675, 676,
    ],
  ],
  [404, [46, 47, 50, 56, 60, 63, 73, 78, 80, 81, 115, 336]],
  [408, [159]],
  [413, [66]],
  [415, [763]],
  [501, [48]],
  [503, [76, 202, 209, 236, 439]],
]

export type FailureStatus = 400 | 401 | 403 | 404 | 408 | 413 | 415 | 500 | 501 | 503

const statusByCode = new Map<number, FailureStatus>()
for (const [status, codes] of statuses) {
  for (const code of codes) statusByCode.set(code, status as FailureStatus)
}

/** @param code ClickHouse's number, as 60 for UNKNOWN_TABLE */
export function httpStatusOf(code: number): FailureStatus {
  return statusByCode.get(code) ?? 500
}
