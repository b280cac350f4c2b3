/** Makes request kinds of the versioned APIs that the library exports. */
import { ResponseError } from '@platformatic/kafka'
import type { API } from '@platformatic/kafka'

import type { RequestVersion } from '../kafka-cluster.ts'

/** One version of a request, its arguments made of `Request` by `argumentsOf`. */
export function libraryVersion<Request, Arguments extends unknown[], Response>(
  api: API<Arguments, Response>,
  argumentsOf: (request: Request) => Arguments,
): RequestVersion<Request, Response> {
  return {
    version: api.version,
    send: (connection, request) => api.async(connection, ...argumentsOf(request)),
  }
}

/** The same, where one bad part of the response must not hide the good ones: error codes stay in the response. */
export function tolerantVersion<Request, Arguments extends unknown[], Response>(
  api: API<Arguments, Response>,
  argumentsOf: (request: Request) => Arguments,
): RequestVersion<Request, Response> {
  return {
    version: api.version,
    send: async (connection, request) => {
      try {
        return await api.async(connection, ...argumentsOf(request))
      } catch (thrown) {
        if (!(thrown instanceof ResponseError)) throw thrown
        return thrown['response'] as Response
      }
    },
  }
}
