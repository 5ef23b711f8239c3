import assert from 'node:assert/strict';
import test from 'node:test';
import { meteredLog } from '../../base/aws/emf.ts';
import { createLog } from '../../base/log.ts';
import { requestMetrics } from '../../functions/request-metrics.ts';
import { refusals } from '../../gateway/answer/refusal.ts';
import { next } from '../../gateway/answer/verdict.ts';
import { createAccessLog } from '../../gateway/observe/access-log.ts';
import { gatewayWith, instance, request, send } from '../support/gateway.ts';
import { metricsOf } from './emf.ts';

const no = refusals('test', { denied: [403, 'Denied'], broken: [502, 'Broken'] });

async function lineOf(last: 'next' | 'denied' | 'broken'): Promise<string> {
  const lines: string[] = [];
  const gateway = gatewayWith({
    instances: [
      instance('first', 2, { access: () => next }),
      instance('second', 1, { access: () => (last === 'next' ? next : no[last]('why')) }),
    ],
    finished: createAccessLog((line) => lines.push(line), requestMetrics('forwarder "1"', Date.now)),
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
    finished: createAccessLog((line) => lines.push(line), requestMetrics('forwarder', Date.now)),
  });
  await send(gateway, request({ target: 'no path' }));
  const metrics = metricsOf(lines[0] as string);
  assert.deepEqual([...metrics.keys()].sort(), ['Errors', 'Refusals', 'RequestMs', 'Requests']);
  assert.equal(metrics.get('Refusals'), 1);
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
