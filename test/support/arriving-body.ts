import { Socket } from 'node:net';
import { RequestBody } from '../../server/request-body.ts';
import { ServerRequest } from '../../server/server-request.ts';

/** A body as the listener has it, with the request that brings it: push chunks into it, or let it all arrive at once. */
export class ArrivingBody extends RequestBody {
  readonly request: ServerRequest;

  constructor(declaredBytes: number | undefined, chunks?: readonly (string | Uint8Array)[]) {
    const request = new ServerRequest(new Socket());
    super(request, declaredBytes, Number.POSITIVE_INFINITY);
    this.request = request;
    if (chunks === undefined) return;
    for (const chunk of chunks) request.push(Buffer.from(chunk as string));
    this.complete();
  }

  complete(): void {
    this.request.complete = true;
    this.request.push(null);
  }
}
