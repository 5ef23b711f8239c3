import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile, exchangeOf } from './exchange.ts';

function counted(event: string) {
  const reads: string[] = [];
  const exchange = exchangeOf({
    head: { query: 'a=1', headers: ['x-a', '1'] },
    webhook: {
      event,
      get payload() {
        reads.push('payload');
        return { a: 1 };
      },
    },
  });
  const head = exchange.head as { query: string | undefined; headers: readonly string[] };
  for (const name of ['query', 'headers'] as const) {
    const value = head[name];
    Object.defineProperty(head, name, {
      get() {
        reads.push(name);
        return value;
      },
    });
  }
  return { exchange, reads };
}

test('nothing is built that the expression does not read', async () => {
  const evaluate = await compile(
    "webhook.event in ['push', 'ping'] || webhook.payload.a == 1 || request.query.a == ['1'] || request.headers['x-a'] == '1'",
  );
  const push = counted('push');
  assert.equal(evaluate(push.exchange), true);
  assert.deepEqual(push.reads, []);
  const other = counted('other');
  assert.equal(evaluate(other.exchange), true);
  assert.deepEqual(other.reads, ['payload']);
});

test('the query is decoded once for a request, however many expressions read it', async () => {
  const { exchange, reads } = counted('push');
  const evaluate = await compile("request.query.a == ['1'] && 'a' in request.query");
  assert.equal(evaluate(exchange), true);
  assert.equal(evaluate(exchange), true);
  assert.deepEqual(reads, ['query']);
});

test('two requests judged by one expression do not see one another', async () => {
  const evaluate = await compile('request.query.a.exists(v, v == webhook.event)');
  const one = exchangeOf({ head: { query: 'a=x&a=push' }, webhook: { event: 'push' } });
  const two = exchangeOf({ head: { query: 'a=push' }, webhook: { event: 'ping' } });
  assert.deepEqual([evaluate(one), evaluate(two), evaluate(one)], [true, false, true]);
});

test('the compiler, the names of a request and the engine for patterns are loaded only by a configuration that uses them', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { loadPlugins } = await import('./gateway/plugins/index.ts');
    const { expressionCompilers } = await import('./gateway/config/expressions.ts');
    const compile = expressionCompilers(await loadPlugins(() => true))(() => {});
    const seen = () => ['expression/compile.ts', 'expression/time.ts', 'request/names/', 're2js'].map((name) => loaded.some((url) => url.includes(name)));
    const steps = [seen()];
    await compile('route == "x"', 'boolean', []);
    steps.push(seen());
    await compile('route.matches("x")', 'boolean', []);
    steps.push(seen());
    console.log(JSON.stringify(steps));
  `;
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd,
    encoding: 'utf8',
  });
  assert.deepEqual(JSON.parse(out), [
    [false, false, false, false],
    [true, true, true, false],
    [true, true, true, true],
  ]);
});
