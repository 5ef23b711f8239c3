import assert from 'node:assert/strict';
import test from 'node:test';
import type { FinishedRequest } from '../../../gateway/observe/finished-request.ts';
import { upstreamRefusals } from '../../../gateway/upstream/refusals.ts';
import type { Receiver, Upstream } from '../../../gateway/upstream/upstream.ts';
import { gatewayWith, ok, request, send, upstreamOf } from '../../support/gateway.ts';

test('an interim answer that comes after the head, or after the end, is dropped', async () => {
  let late: Receiver | undefined;
  const upstream = upstreamOf((receiver) => {
    receiver.informational(103, ['link', '<a>']);
    receiver.head(200, ['content-length', '2']);
    receiver.informational(103, ['link', '<b>']);
    receiver.data(Buffer.from('ok'));
    receiver.end();
    late = receiver;
  });
  const links: unknown[] = [];
  const answer = await send(gatewayWith({ upstream }), request(), (_status, headers) =>
    links.push(headers[1]),
  );
  late?.informational(103, ['link', '<c>']);
  assert.deepEqual([answer.status, answer.body, links], [200, 'ok', ['<a>']]);
});

for (const how of ['the deadline', 'the client', 'a failure', 'the end'] as const) {
  test(`an answer of a target after the end of the request is dropped: it ended by ${how}`, async () => {
    let receiver: Receiver | undefined;
    const answering = upstreamOf(
      (given) => {
        if (how === 'a failure') given.fail(upstreamRefusals.timeout('it failed'));
        if (how === 'the end') ok(given);
        if (how === 'the client') handling.cancel();
      },
      how === 'the deadline' ? 10 : 1_000,
    );
    const upstream: Upstream = {
      ...answering,
      forward(call, given) {
        receiver = given;
        return answering.forward(call, given);
      },
    };
    const records: FinishedRequest[] = [];
    const told: string[] = [];
    let wake = () => {};
    const over = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const gateway = gatewayWith({
      upstream,
      finished: (record) => {
        records.push(record);
        wake();
      },
    });
    const handling = gateway.handle(request(), {
      informational: () => void told.push('informational'),
      head: () => void told.push('head'),
      data: () => told.push('data') > 0,
      end: () => void told.push('end'),
      abort: () => void told.push('abort'),
    });
    await over;
    const before = [...told];
    assert.deepEqual(before, how === 'the client' ? [] : ['head', 'data', 'end']);
    receiver?.informational(103, ['link', '<a>']);
    receiver?.head(200, ['content-length', '2']);
    assert.equal(receiver?.data(Buffer.from('ok')), true);
    receiver?.end();
    receiver?.fail(upstreamRefusals.timeout('late'));
    handling.refuse(upstreamRefusals.timeout('later'));
    handling.cancel();
    assert.deepEqual(told, before);
    assert.equal(records.length, 1);
  });
}
