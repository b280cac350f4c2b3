/**
 * `GET /api/life`: an answer that lasts as long as the process. It begins with who answers; a process that is told to stop
 * takes its leave in it, one that is killed does not, and the system closes the connection at once. By that the other
 * instances of a cluster know of a death that the group's coordinator learns of only when the session is over.
 */
import { Hono } from 'hono'

/** The first line of the answer, as JSON. */
export interface LifeSign {
  readonly applicationId: string
  readonly instanceId: string
}

/** The last line. */
export const farewell = 'leaving'

/** Each other instance has one; who asks beyond that is told to come later. */
const answersMax = 1_000

export class LifeDoor {
  readonly app: Hono
  readonly #open = new Set<ReadableStreamDefaultController<Uint8Array>>()
  #isLeaving = false

  /** @param sign null where there is no cluster to be alive for */
  constructor(sign: LifeSign | null) {
    this.app = new Hono()
    if (sign === null) return
    this.app.get('/api/life', (context) => {
      if (this.#isLeaving || this.#open.size >= answersMax) {
        return context.json({ error: this.#isLeaving ? farewell : 'too many ask' }, 503)
      }
      const { applicationId, instanceId } = sign
      return new Response(this.#answer({ applicationId, instanceId }), {
        headers: { 'content-type': 'text/plain' },
      })
    })
  }

  /** Takes leave of all who listen. */
  leave(): void {
    this.#isLeaving = true
    for (const controller of this.#open) {
      controller.enqueue(line(farewell))
      controller.close()
    }
    this.#open.clear()
  }

  #answer(sign: LifeSign): ReadableStream<Uint8Array> {
    let own: ReadableStreamDefaultController<Uint8Array>
    return new ReadableStream({
      start: (controller) => {
        own = controller
        this.#open.add(controller)
        controller.enqueue(line(JSON.stringify(sign)))
      },
      cancel: () => {
        this.#open.delete(own)
      },
    })
  }
}

function line(text: string): Uint8Array {
  return Buffer.from(`${text}\n`)
}
