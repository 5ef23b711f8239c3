import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { readEnvironment } from '../../functions/environment.ts';
import { TailnetLayer } from '../../lib/tailnet-layer.ts';
import { pattern, sha256 } from './lab/echo.ts';
import { call, type HttpAnswer, type HttpRequest } from './lab/http.ts';
import type { HttpApi } from './lab/http-api.ts';
import { accountId } from './lab/http-api-event.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { clientAddresses, enterHub, runFolder } from './lab/network.ts';
import { region, SynthesizedStack, synthesize } from './lab/synthesized.ts';
import { httpApiOf } from './lab/synthesized-api.ts';
import { type DeployedFunction, deployFunction } from './lab/synthesized-function.ts';
import { allows, mayInvoke } from './lab/synthesized-iam.ts';

const skip = (await enterHub()) ?? false;

const github = 'a secret of the webhook';
const [inRange, outOfRange, inRange6] = clientAddresses;
const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';
const readSecret = 'secretsmanager:GetSecretValue';

// `cdk synth`, and then the assembly as CloudFormation would deploy it: each function by its own asset, handler, environment, layers, time
// limit and rights, behind an HTTP API made of the template's stage, routes, integrations and authorizer. What AWS itself would do in
// between is the laboratory's: the secrets of the template are made in moto, which calls no rotation, so that the steps are called here.
describe('the synthesized app', { skip, timeout: 240_000 }, () => {
  let lab: Lab;
  let stack: SynthesizedStack;
  let api: HttpApi;
  let keyArn: string;
  const functions = new Map<string, DeployedFunction>();
  const accessLog: Record<string, string>[] = [];

  before(async () => {
    lab = await startLab();
    await lab.secrets.put('lab/github', github);
    await lab.secrets.put('postern/headscale-api-key', lab.headscale.apiKey);
    const folder = join(runFolder, 'cdk');
    mkdirSync(folder, { recursive: true });
    stack = new SynthesizedStack(synthesize(join(folder, 'out'), choices(folder)), 'PosternStack');
    keyArn = await makeSecret();
    for (const name of ['Forwarder', 'Authorizer', 'Rotation']) functions.set(name, await deploy(name));
    const { routes, ...rest } = httpApiOf(
      stack,
      (arn, payload) => functionAt(arn).sandbox.invoke(payload),
      (line) => void accessLog.push(JSON.parse(line)),
    );
    api = await lab.api(routes, rest);
  });
  after(async () => {
    for (const one of functions.values()) await one.stop();
    await lab?.stop();
  });

  function choices(folder: string): unknown {
    const config = join(folder, 'postern.yaml');
    writeFileSync(
      config,
      `services:
  builds: { targets: [{ url: 'http://${lab.target.name}:8080' }], transport: tailnet }
routes:
  github:
    match: { path: /hooks/github, methods: [POST] }
    service: builds
    plugins:
      webhook: { provider: github, secret: secretsmanager:lab/github }
      authorize: { allow: "webhook.event in ['push', 'ping']" }
  all: { match: { path: /open/* }, service: builds, open: true }
`,
    );
    const sourceCidrs = ['192.0.2.0/24', '2001:db8::/32'];
    return { config, sourceCidrs, issuer: 'headscale', controlUrl: lab.headscale.url, architecture };
  }

  /** The secret of the template, with a text that nobody knows, as CloudFormation makes it. */
  async function makeSecret(): Promise<string> {
    const [id, { Properties }] = stack.find('AWS::SecretsManager::Secret');
    assert.ok('GenerateSecretString' in Properties);
    await lab.secrets.put(id, 'a random text');
    const { ARN } = await lab.secrets.call<{ ARN: string }>('DescribeSecret', { SecretId: id });
    stack.set(id, ARN, { Id: ARN });
    return ARN;
  }

  async function deploy(name: string): Promise<DeployedFunction> {
    const found = stack
      .all('AWS::Lambda::Function')
      .filter(([, { Metadata }]) => Metadata?.['aws:cdk:path']?.endsWith(`/${name}/Resource`));
    assert.equal(found.length, 1, name);
    return deployFunction(lab, stack, found[0]?.[0] as string);
  }

  function one(name: string): DeployedFunction {
    return functions.get(name) as DeployedFunction;
  }

  function functionAt(arn: string): DeployedFunction {
    const found = [...functions.values()].find((fn) => fn.arn === arn);
    assert.ok(found !== undefined, arn);
    return found;
  }

  function events(name: string): number {
    return one(name).sandbox.log.lines.filter(({ text }) => text.startsWith('START')).length;
  }

  function send(
    path: string,
    body: string | Buffer,
    headers = {},
    from: string = inRange,
    rest: HttpRequest = {},
  ): Promise<HttpAnswer> {
    const host = from.includes(':') ? `[${from}]` : '127.0.0.1';
    const all = { host: 'hooks.example.com', 'content-type': 'application/json', ...headers };
    return call(`http://${host}:${api.port}${path}`, { method: 'POST', headers: all, body, from, ...rest });
  }

  function signed(body: string): Record<string, string> {
    const signature = createHmac('sha256', github).update(body).digest('hex');
    return {
      'x-github-event': 'push',
      'x-github-delivery': '1',
      'x-hub-signature-256': `sha256=${signature}`,
    };
  }

  /** As Secrets Manager rotates by the template's schedule. */
  async function rotate(number: number): Promise<void> {
    const [, { Properties }] = stack.find('AWS::SecretsManager::RotationSchedule');
    assert.equal(stack.text(Properties.SecretId), keyArn);
    const { arn, sandbox } = functionAt(stack.text(Properties.RotationLambdaARN));
    const mayRotate = (secret: string, account: string) =>
      mayInvoke(stack, 'secretsmanager.amazonaws.com', arn, { arn: secret, account });
    assert.ok(mayRotate(keyArn, accountId));
    assert.equal(mayRotate(keyArn, '999999999999'), false);
    assert.equal(mayRotate(keyArn.replace('KeySecret', 'Other'), accountId), false);
    const token = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    await lab.secrets.beginRotation(keyArn, token);
    for (const step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
      const event = JSON.stringify({ Step: step, SecretId: keyArn, ClientRequestToken: token });
      const { payload, functionError } = await sandbox.invoke(event);
      assert.equal(functionError, false, `${step}: ${payload}`);
    }
  }

  async function currentKey(): Promise<{ id: string; key: string; tags: readonly string[] }> {
    const input = { SecretId: keyArn, VersionStage: 'AWSCURRENT' };
    const { SecretString } = await lab.secrets.call<{ SecretString: string }>('GetSecretValue', input);
    return JSON.parse(SecretString);
  }

  test('its first rotation makes a key of the control server', async () => {
    await rotate(1);
    const { key, tags } = await currentKey();
    assert.match(key, /^hskey-auth-/);
    assert.deepEqual(tags, ['tag:postern']);
  });

  test('a signed webhook goes the whole way to the private target with that key, and the answer comes back', async () => {
    const body = '{"ref":"refs/heads/main"}';
    const answer = await send('/hooks/github?b=2&a=1', body, signed(body));
    assert.equal(answer.status, 200, `${answer.body}\n${one('Forwarder').sandbox.log.tail()}`);
    const seen = lab.target.echo.take();
    assert.deepEqual([seen.target, seen.body?.toString()], ['/hooks/github?b=2&a=1', body]);
    // The name of the function, as a name of a host.
    const name = one('Forwarder').sandbox.functionName.toLowerCase();
    await lab.waitForNodes([name]);
  });

  test("the forwarder's environment in the template is all that it needs", () => {
    const { variables, sandbox } = one('Forwarder');
    const { config, tailnet } = readEnvironment(variables);
    assert.deepEqual(
      [config, tailnet.secretId, tailnet.controlUrl],
      ['postern.json', keyArn, lab.headscale.url],
    );
    assert.deepEqual(tailnet.targets, [lab.target.name]);
    const problems = sandbox.log.json.filter(
      ({ event, level }) => event === 'misconfigured' || level === 'error',
    );
    assert.deepEqual(problems, []);
  });

  test('a forged one is refused, and the target hears nothing of it', async () => {
    const answer = await send('/hooks/github', '{"ref":"refs/heads/evil"}', signed('{}'));
    assert.deepEqual([answer.status, JSON.parse(answer.body.toString()).code], [401, 'webhook:signature']);
    assert.equal(lab.target.echo.received.length, 0);
  });

  test('an address outside the ranges is stopped by the authorizer, which is asked once for each address', async () => {
    const [asked, forwarded] = [events('Authorizer'), events('Forwarder')];
    for (const path of ['/open/x', '/hooks/github']) {
      const answer = await send(path, '{}', {}, outOfRange);
      assert.deepEqual([answer.status, answer.body.toString()], [403, '{"message":"Forbidden"}']);
    }
    assert.deepEqual([events('Authorizer'), events('Forwarder')], [asked + 1, forwarded]);
    for (let count = 0; count < 2; count += 1)
      assert.equal((await send('/open/x', '{}', {}, inRange6)).status, 200);
    assert.deepEqual([events('Authorizer'), events('Forwarder')], [asked + 2, forwarded + 2]);
    lab.target.echo.take();
  });

  test('each request has a line in the access log, the refused ones with the reason of the authorizer', async () => {
    const { log } = one('Authorizer').sandbox;
    await log.waitFor(({ json }) => json?.event === 'refused', 'a refusal');
    const refused = accessLog.filter(({ status }) => status === '403');
    assert.deepEqual(
      refused.map(({ source, authorizer, forwarderStatus, error }) => [
        ...[source, authorizer, forwarderStatus, error],
      ]),
      [1, 2].map(() => [outOfRange, 'authorizer:source', '-', 'Forbidden']),
    );
    const answer = await send('/open/id', '{}', {}, inRange);
    const served = accessLog.at(-1);
    assert.equal(served?.id, answer.headers['x-request-id']);
    assert.deepEqual([served?.source, served?.forwarderStatus, served?.error], [inRange, '200', '-']);
    lab.target.echo.take();
  });

  test('a client cannot write members of its own into a line of the access log', async () => {
    const before = accessLog.length;
    const forged = '%22%2C%22authorizer%22%3A%22none%22%2C%22status%22%3A%22200';
    const answer = await send(`/nowhere/${forged}`, '{}', { 'user-agent': '","status":"200' }, inRange);
    assert.equal(answer.status, 404);
    const [line, ...others] = accessLog.slice(before);
    assert.deepEqual(others, []);
    assert.deepEqual([line?.status, line?.authorizer], ['404', '-']);
    assert.equal(JSON.stringify(line).includes('none'), false);
  });

  test('bytes, cookies and headers go there and come back unchanged', async () => {
    const bytes = pattern(4_096);
    const query = new URLSearchParams({ cookies: '3', size: '4096', binary: '', type: 'image/png' });
    for (const header of ['x-one:1', 'x-list:a, b', 'etag:"v1"', 'cache-control:no-store'])
      query.append('header', header);
    const headers = { 'content-type': 'application/octet-stream', cookie: 'a=1; b=2', 'x-many': ['1', '2'] };
    const answer = await send(`/open/bytes?${query}`, bytes, headers);
    assert.equal(answer.status, 200);
    const seen = lab.target.echo.take();
    assert.equal(seen.bodySha256, sha256(bytes));
    const received = Object.fromEntries(
      seen.rawHeaders.flatMap((name, at) =>
        at % 2 === 0 ? [[name.toLowerCase(), seen.rawHeaders[at + 1]]] : [],
      ),
    );
    assert.deepEqual(
      [received.cookie, received['x-many'], received['content-type']],
      ['a=1; b=2', '1,2', 'application/octet-stream'],
    );
    assert.deepEqual(answer.body, bytes);
    assert.deepEqual(answer.headers['set-cookie'], ['c0=0; Path=/', 'c1=1; Path=/', 'c2=2; Path=/']);
    assert.deepEqual(
      ['content-type', 'x-one', 'x-list', 'etag', 'cache-control'].map((name) => answer.headers[name]),
      ['image/png', '1', 'a, b', '"v1"', 'no-store'],
    );
  });

  const binary = { 'content-type': 'application/octet-stream' };
  const megabyte = 1024 * 1024;
  const tooLarge: readonly (readonly [
    name: string,
    path: string,
    bytes: number,
    headers: object,
    status: number,
  ])[] = [
    ['a body of more than 10 MB', '/open/x', 10 * megabyte + 1, binary, 413],
    ['a body that is more than 6 MB as base64', '/open/x', 5 * megabyte, binary, 413],
    ['headers of more than 10,240 bytes', '/open/x', 0, { 'x-long': 'x'.repeat(10_240) }, 431],
  ];
  for (const [name, path, bytes, headers, status] of tooLarge) {
    test(`${name} reaches neither the forwarder nor the target`, async () => {
      const before = events('Forwarder');
      assert.equal((await send(path, Buffer.alloc(bytes), headers)).status, status);
      assert.deepEqual([events('Forwarder'), lab.target.echo.received.length], [before, 0]);
    });
  }

  test('an answer that no function can carry is said to be too large', async () => {
    const answer = await send('/open/big?size=6000000', '');
    assert.deepEqual(
      [answer.status, JSON.parse(answer.body.toString()).code],
      [502, 'upstream:answer-too-large'],
    );
    lab.target.echo.take();
  });

  test("more requests than the template's burst are refused, and cost no function anything", async () => {
    const [, { Properties }] = stack.find('AWS::ApiGatewayV2::Stage');
    const { ThrottlingBurstLimit: burst } = Properties.DefaultRouteSettings as Record<string, number>;
    const before = events('Authorizer') + events('Forwarder');
    const flood = Array.from({ length: (burst as number) * 2 }, () => send('/open/x', '', {}, outOfRange));
    const answers = await Promise.all(flood);
    const refused = answers.filter(({ status }) => status === 429);
    assert.ok(refused.length > 0, 'every request got through');
    assert.equal(refused[0]?.body.toString(), '{"message":"Too Many Requests"}');
    assert.equal(answers.filter(({ status }) => status === 403).length, answers.length - refused.length);
    assert.equal(events('Authorizer') + events('Forwarder'), before);
  });

  test('a request is a metric of the function that served it', async () => {
    const { sandbox } = one('Forwarder');
    const line = sandbox.log.json.find(({ event, status }) => event === 'request' && status === 200);
    assert.deepEqual([line?.FunctionName, line?.Requests, line?.Errors], [sandbox.functionName, 1, 0]);
    const ready = sandbox.log.json.find(({ event }) => event === 'tunnel ready');
    assert.equal(ready?.TunnelReadyMs, ready?.tookMs);
  });

  test('after another rotation a new sandbox joins with the new key, and with no other', async () => {
    const first = await currentKey();
    await rotate(2);
    assert.notEqual((await currentKey()).id, first.id);
    await lab.headscale.expireKey(first);
    await one('Forwarder').shutdown();
    functions.set('Forwarder', await deploy('Forwarder'));
    const body = '{"ref":"refs/heads/main"}';
    const answer = await send('/hooks/github', body, signed(body));
    assert.equal(answer.status, 200, `${answer.body}\n${one('Forwarder').sandbox.log.tail()}`);
    lab.target.echo.take();
  });

  test('the daily event of the template tells how long the key is still valid', async () => {
    const [id, { Properties }] = stack.find('AWS::Events::Rule');
    const [target] = Properties.Targets as readonly { readonly Arn: unknown; readonly Input: string }[];
    const { arn, sandbox } = functionAt(stack.text(target?.Arn));
    const rule = stack.text({ 'Fn::GetAtt': [id, 'Arn'] });
    assert.ok(mayInvoke(stack, 'events.amazonaws.com', arn, { arn: rule, account: accountId }));
    assert.equal((await sandbox.invoke(target?.Input as string)).functionError, false);
    const { json } = await sandbox.log.waitFor((line) => line.json?.KeyDaysLeft !== undefined, 'the days');
    assert.equal(json?.KeyDaysLeft, 90);
  });

  // Each call so far was answered by the rights of the template: deployFunction refuses the others as AWS does.
  test('each function read what it needs with the rights of its role, and nothing else', async () => {
    const readBy = (name: string) => [...new Set(one(name).calls.map(({ secretId }) => secretId))].toSorted();
    const credentials = `arn:aws:secretsmanager:${region}:${accountId}:secret:postern/headscale-api-key`;
    assert.deepEqual(readBy('Forwarder'), [keyArn, 'lab/github'].toSorted());
    assert.deepEqual(readBy('Rotation'), [keyArn, credentials].toSorted());
    assert.deepEqual(readBy('Authorizer'), []);
    const resource = `arn:aws:secretsmanager:${region}:${accountId}:secret:other-AbCdEf`;
    for (const { statements, roleArn: principalArn } of functions.values())
      assert.equal(allows(statements, { principalArn, action: readSecret, resource }), false, principalArn);
  });

  test('the key is refused to everyone else, an administrator among them', () => {
    const everything = [{ effect: 'Allow', actions: ['*'], resources: ['*'], conditions: {} }];
    const policy = stack.secretPolicy(keyArn);
    const mayRead = (principalArn: string) =>
      allows(everything, { principalArn, action: readSecret, resource: keyArn }, policy);
    assert.deepEqual(
      [one('Forwarder').roleArn, one('Rotation').roleArn, one('Authorizer').roleArn].map(mayRead),
      [true, true, false],
    );
    assert.equal(mayRead(`arn:aws:iam::${accountId}:role/Administrator`), false);
  });

  test("somebody else's function that the layer is attached to reaches the target", async () => {
    const outdir = join(runFolder, 'cdk', 'other');
    const app = new App({ outdir, context: { 'aws:cdk:enable-asset-metadata': true } });
    const other = new Stack(app, 'Other');
    const fn = new LambdaFunction(other, 'Probe', {
      code: Code.fromAsset(join(import.meta.dirname, 'lab', 'probe')),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      memorySize: 256,
    });
    new TailnetLayer(other, 'Layer', { architecture: fn.architecture }).attachTo(fn, {
      secret: Secret.fromSecretCompleteArn(other, 'Key', keyArn),
      controlUrl: lab.headscale.url,
      targets: [lab.target.name],
    });
    app.synth();
    const synthesized = new SynthesizedStack(outdir, 'Other');
    const [id] = synthesized.find('AWS::Lambda::Function');
    const probe = await deployFunction(lab, synthesized, id);
    const { payload } = await probe.sandbox.invoke(
      JSON.stringify({ url: `http://${lab.target.name}:8080/` }),
    );
    await probe.shutdown();
    assert.equal(JSON.parse(payload).status, 200, `${payload}\n${probe.sandbox.log.tail()}`);
    assert.deepEqual(probe.calls, [{ action: readSecret, secretId: keyArn }]);
  });
});
