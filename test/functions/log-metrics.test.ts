import assert from 'node:assert/strict';
import test from 'node:test';
import { meteredLog } from '../../base/aws/emf.ts';
import { createLog } from '../../base/log.ts';
import { LogMetrics } from '../../functions/log-metrics.ts';
import { refusals } from '../../gateway/answer/refusal.ts';
import { next } from '../../gateway/answer/verdict.ts';
import { createAccessLog } from '../../gateway/observe/access-log.ts';
import type { FinishedRequest } from '../../gateway/observe/finished-request.ts';
import { measureRequests } from '../../gateway/observe/request-metrics.ts';
import { gatewayWith, instance, request, send } from '../support/gateway.ts';
import { metricsOf } from './emf.ts';

const no = refusals('test', { denied: [403, 'Denied'], broken: [502, 'Broken'] });

/** What is told of each request as the functions do it. */
function observer(lines: string[], functionName: string): (record: FinishedRequest) => void {
  const metrics = new LogMetrics(functionName, Date.now);
  const measure = measureRequests(metrics);
  const log = createAccessLog(
    (line) => lines.push(line),
    () => metrics.takeMembers(),
  );
  return function finished(record) {
    measure(record);
    log(record);
  };
}

async function lineOf(last: 'next' | 'denied' | 'broken'): Promise<string> {
  const lines: string[] = [];
  const gateway = gatewayWith({
    instances: [
      instance('first', 2, { access: () => next }),
      instance('second', 1, { access: () => (last === 'next' ? next : no[last]('why')) }),
    ],
    finished: observer(lines, 'forwarder "1"'),
  });
  await send(gateway, request({}));
  assert.equal(lines.length, 1);
  return lines[0] as string;
}

const cases = [
  { last: 'next', refusals: 0, errors: 0 },
  { last: 'denied', refusals: 1, errors: 0 },
  { last: 'broken', refusals: 0, errors: 1 },
] as const;

for (const { last, refusals: refused, errors } of cases) {
  test(`the line of a request whose last plugin says ${last} is its metrics too`, async () => {
    const line = await lineOf(last);
    const metrics = metricsOf(line);
    assert.deepEqual([...metrics.keys()].sort(), [
      'Errors',
      'PluginMs.first',
      'PluginMs.second',
      'Refusals',
      'RequestMs',
      'Requests',
    ]);
    assert.equal(metrics.get('Requests'), 1);
    assert.equal(metrics.get('Refusals'), refused);
    assert.equal(metrics.get('Errors'), errors);
    const { FunctionName, Code, ms, trail } = JSON.parse(line);
    assert.equal(FunctionName, 'forwarder "1"');
    assert.equal(Code, last === 'next' ? undefined : `test:${last}`);
    assert.equal(metrics.get('RequestMs'), ms);
    assert.equal(metrics.get('PluginMs.first'), trail[0].microseconds / 1_000);
  });
}

test('a request that no route takes is measured without plugins', async () => {
  const lines: string[] = [];
  const gateway = gatewayWith({
    instances: [],
    finished: observer(lines, 'forwarder'),
  });
  await send(gateway, request({ target: 'no path' }));
  const metrics = metricsOf(lines[0] as string);
  assert.deepEqual([...metrics.keys()].sort(), ['Errors', 'Refusals', 'RequestMs', 'Requests']);
  assert.equal(metrics.get('Refusals'), 1);
});

test('each line has what was measured since the one before', async () => {
  const lines: string[] = [];
  const refusing = { denied: false };
  const gateway = gatewayWith({
    instances: [instance('first', 1, { access: () => (refusing.denied ? no.denied('why') : next) })],
    finished: observer(lines, 'forwarder'),
  });
  for (const denied of [true, false]) {
    refusing.denied = denied;
    await send(gateway, request({}));
  }
  const [refused, admitted] = lines as [string, string];
  assert.deepEqual([metricsOf(refused).get('Requests'), metricsOf(refused).get('Refusals')], [1, 1]);
  assert.deepEqual([metricsOf(admitted).get('Requests'), metricsOf(admitted).get('Refusals')], [1, 0]);
  assert.equal(JSON.parse(admitted).Code, undefined);
});

test('an event of a metered log is a metric by its code, and any other is left as it is', () => {
  const lines: string[] = [];
  const log = meteredLog(
    createLog((line) => lines.push(line)),
    { functionName: 'authorizer', clock: { now: () => 1_750_000_000_000 } },
    {
      refused: ({ code }) => ({ metric: { name: 'Refusals', unit: 'Count' }, value: 1, code: String(code) }),
    },
  );
  log.warn('refused', { code: 'authorizer:source' });
  log.info('other', { code: 'x' });
  assert.deepEqual([...metricsOf(lines[0] as string)], [['Refusals', 1]]);
  assert.equal(JSON.parse(lines[0] as string).Code, 'authorizer:source');
  assert.equal(JSON.parse(lines[1] as string)._aws, undefined);
});
