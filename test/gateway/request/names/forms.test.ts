import assert from 'node:assert/strict';
import test from 'node:test';
import { EvaluationError } from '../../../../gateway/expression/index.ts';
import { compile, exchangeOf } from '../../expression/exchange.ts';

test('a literal in the form of its name loads, and is compared', async () => {
  const exchange = exchangeOf({ head: { headers: ['X-Debug', '1'], clientIp: '2001:db8::1' } });
  for (const source of [
    "request.method in ['POST', 'M-SEARCH'] && request.method.lowerAscii() == 'post'",
    "'x-debug' in request.headers && request.headers['x-debug'] == '1' && request.headers.exists(h, h == 'x-debug')",
    "request.host == 'hooks.example.com' && request.host.endsWith('.example.com') && request.host != '[2001:db8::1]'",
    "source.ip == '2001:db8::1' && source.ip != '192.0.2.1' && source.ip.startsWith('2001:db8:')",
    "request.path == '/hooks/github' && request.path.startsWith('/hooks/') && request.path != '/a%2Fb' && !request.path.contains('%25')",
    "request.path != '/a//b' && request.path.endsWith('')",
    'now.getDayOfWeek() != 0 && now.getHours() <= 24',
    "!request.path.contains('%') && !request.path.contains('%2') && !request.path.startsWith('/%E') && !request.path.endsWith('2F')",
    "source.ip.contains(':0') == false && source.ip.startsWith('2001:db8:') && !source.ip.startsWith('10.0.0.')",
    "!request.host.contains('[2001:') && !request.host.startsWith('hooks.') == false && request.host.endsWith('e.com')",
    "['post', 'put'].exists(m, m == request.method.lowerAscii()) && ['x-debug'].all(h, h in request.headers)",
    "(now - now).getHours() != 24 && duration('25h').getHours() == 25",
  ])
    assert.equal((await compile(source))(exchange), true, source);
});

test('of several literals that one comparison can have, one that no request equals is warned of', async () => {
  for (const [source, place] of [
    ["['x-a', 'X-B'].all(name, !(name in request.headers))", "'X-B'"],
    ['[1, 7].exists(day, now.getDayOfWeek() == day || now.getDate() == day)', '7'],
    ["request.method == (route == 'a' ? 'PUT' : 'post')", "'post'"],
  ] as const) {
    const warnings: string[] = [];
    await compile(source, (message) => warnings.push(message));
    const [, line = '', carets = ''] = warnings[0]?.split('\n') ?? [];
    assert.equal(warnings.length, 1, source);
    assert.equal(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), place);
  }
});

test('an address that is not known is an error, whatever is asked of it', async () => {
  const exchange = exchangeOf({ head: { clientIp: 'unknown' } });
  for (const source of [
    "source.ip != '192.0.2.1'",
    "!(source.ip in ['192.0.2.1'])",
    "!ip_in(source.ip, ['192.0.2.0/24'])",
    "!source.ip.startsWith('192.')",
    "!source.ip.matches('^192')",
    "source.ip + 'x' != ''",
  ]) {
    const evaluate = await compile(source);
    assert.throws(() => evaluate(exchange), EvaluationError, source);
  }
  assert.equal((await compile('has(source.ip)'))(exchange), false);
});

test('a header that no target gets is warned of where a literal names it', async () => {
  const warningsOf = async (source: string) => {
    const warnings: string[] = [];
    await compile(source, (message, hint) => warnings.push(`${message}; ${hint}`));
    return warnings;
  };
  for (const source of [
    "request.headers['x-forwarded-for'] == '192.0.2.1'",
    "!('x-remote-user' in request.headers)",
    "request.headers.host == 'hooks.example.com'",
    "has(request.headers.forwarded) && request.method == 'GET'",
    "request.headers.exists(name, name == 'x-forwarded-proto')",
    "'x-http-method-override' in request.headers || true",
    "request.headers['connection'] == 'close'",
  ]) {
    const [warning = '', ...more] = await warningsOf(source);
    assert.match(warning, /^the header ".*" contains whatever the client wrote.*source\.ip/s, source);
    assert.deepEqual(more, []);
  }
  const honest = "request.headers['authorization'] == 'x' && 'x-github-event' in request.headers";
  assert.deepEqual(await warningsOf(honest), []);
});

test('no header has a name with other characters than letters, digits and hyphens', async () => {
  for (const source of ["!('x_debug' in request.headers)", "request.headers['x.debug'] == '1'"])
    await assert.rejects(compile(source), /the name of a header never contains/, source);
});

test('a path that only routes with pathAllows take is warned of, with line and caret', async () => {
  for (const [literal, allowance] of [
    ['/a//b', '"//"'],
    ['/a%2Fb', '"%2F"'],
    ['/a;b', '";"'],
  ]) {
    const warnings: string[] = [];
    await compile(`request.path != '${literal}'`, (message) => warnings.push(message));
    assert.equal(warnings.length, 1);
    assert.ok(
      warnings[0]?.startsWith(
        `request.path is "${literal}" only where the route's pathAllows has ${allowance}`,
      ),
    );
    assert.match(warnings[0] ?? '', /\n {2}1 \| request\.path != .*\n .*\^\^/);
  }
});
