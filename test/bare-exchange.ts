import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { NodeExchange } from '@lazu/core'

/** A request that came from nowhere, for what needs no server. */
export class BareExchange extends NodeExchange {
  constructor(path: string) {
    const request = new IncomingMessage(new Socket())
    request.method = 'GET'
    super(request, new ServerResponse(request), path)
  }

  override body(): unknown {
    return undefined
  }
}
