import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { GatewayHolder } from '../../functions/holder.ts';
import { InvalidConfiguration } from '../../gateway/config/problems.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { listLog, scriptedGateway } from './gateways.ts';

const { gateway } = scriptedGateway(() => {});

function holderOf(attempts: (Gateway | Error)[]) {
  const { log, lines } = listLog();
  const clock = { ms: 0, now: () => clock.ms, monotonic: () => clock.ms, sleep: systemClock.sleep };
  let loads = 0;
  const holder = new GatewayHolder(
    async () => {
      const next = attempts[loads] as Gateway | Error;
      loads += 1;
      await new Promise((resolve) => setImmediate(resolve));
      if (next instanceof Error) throw next;
      return next;
    },
    clock,
    log,
  );
  return { holder, clock, lines, loads: () => loads };
}

test('a gateway is loaded once, also when requests ask at the same time', async () => {
  const { holder, loads } = holderOf([gateway]);
  assert.deepEqual(await Promise.all([holder.get(), holder.get()]), [gateway, gateway]);
  assert.equal(await holder.get(), gateway);
  assert.equal(loads(), 1);
});

test('all that is wrong is logged, once, and loading is tried again after ten seconds', async () => {
  const problem = (path: string, message: string) => ({
    code: 'config:meaning' as const,
    path,
    message,
    line: 3,
    column: 1,
  });
  const invalid = new InvalidConfiguration('postern.yaml', [
    problem('routes.github.service', 'unknown service'),
    problem('plugins.webhok', 'unknown key'),
  ]);
  const { holder, clock, lines, loads } = holderOf([invalid, invalid, new Error('no secret'), gateway]);
  assert.equal(await holder.get(), undefined);
  assert.equal(await holder.get(), undefined);
  assert.equal(loads(), 1);
  const problems = [
    'postern.yaml:3:1 routes.github.service: unknown service',
    'postern.yaml:3:1 plugins.webhok: unknown key',
  ];
  assert.deepEqual(lines, [{ level: 'error', event: 'misconfigured', fields: { problems } }]);
  assert.deepEqual(holder.problems, problems);
  clock.ms += 10_000;
  assert.equal(await holder.get(), undefined);
  assert.equal(lines.length, 1);
  clock.ms += 10_000;
  assert.equal(await holder.get(), undefined);
  assert.deepEqual(lines[1]?.fields, { problems: ['no secret'] });
  clock.ms += 9_999;
  assert.equal(await holder.get(), undefined);
  clock.ms += 1;
  assert.equal(await holder.get(), gateway);
  assert.equal(loads(), 4);
});
