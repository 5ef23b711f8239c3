import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { TailnetLayer } from '../../lib/tailnet-layer.ts';
import { call, type HttpAnswer } from './lab/http.ts';
import type { HttpApi } from './lab/http-api.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { clientAddresses, enterHub, runFolder } from './lab/network.ts';
import { type Recorder, startRecorder } from './lab/recorder.ts';
import { type Sandbox, startSandbox } from './lab/sandbox.ts';
import { account, allows, region, SynthesizedStack, synthesize } from './lab/synthesized.ts';

const skip = (await enterHub()) ?? false;

const github = 'a secret of the webhook';
const [inRange, outOfRange, inRange6] = clientAddresses;
const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';

interface FunctionProperties {
  readonly Handler: string;
  readonly Runtime: string;
  readonly Timeout: number;
  readonly MemorySize: number;
  readonly Architectures: readonly string[];
  readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
  readonly Layers?: readonly { readonly Ref: string }[];
  readonly Role: { readonly 'Fn::GetAtt': readonly [string, string] };
}

/** A function of the template in a sandbox, and what it asks of Secrets Manager. */
interface Deployed {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly recorder: Recorder;
  readonly properties: FunctionProperties;
}

// `cdk synth`, and then the assembly as CloudFormation would deploy it: each function by its own asset, handler, environment, layers and time
// limit, behind an HTTP API made of the template's routes, integrations and authorizer. What AWS itself would do in between is the
// laboratory's: the secrets of the template are made in moto, which calls no rotation, so that the steps are called here.
describe('the synthesized app', { skip, timeout: 240_000 }, () => {
  let lab: Lab;
  let stack: SynthesizedStack;
  let api: HttpApi;
  let keyArn: string;
  const deployed = new Map<string, Deployed>();

  before(async () => {
    lab = await startLab();
    await lab.secrets.put('lab/github', github);
    await lab.secrets.put('postern/headscale-api-key', lab.headscale.apiKey);
    const folder = join(runFolder, 'cdk');
    mkdirSync(folder, { recursive: true });
    stack = new SynthesizedStack(synthesize(join(folder, 'out'), choices(folder)), 'PosternStack');
    keyArn = await makeSecret();
    for (const [id, { Type }] of Object.entries(stack.resources)) {
      if (Type === 'AWS::IAM::Role') stack.set(id, id, { Arn: `arn:aws:iam::${account}:role/${id}` });
      if (Type === 'AWS::Logs::LogGroup')
        stack.set(id, id, { Arn: `arn:aws:logs:${region}:${account}:log-group:${id}:*` });
      if (Type === 'AWS::Lambda::Function') stack.set(id, id, { Arn: functionArn(id) });
    }
    for (const name of ['forwarder', 'authorizer', 'rotation']) deployed.set(name, await deploy(name));
    api = await lab.api([route()]);
  });
  after(async () => {
    for (const { sandbox, recorder } of deployed.values()) {
      await sandbox.kill();
      await recorder.close();
    }
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

  function functionArn(id: string): string {
    return `arn:aws:lambda:${region}:${account}:function:${id}`;
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

  async function deploy(name: string): Promise<Deployed> {
    const found = stack
      .all('AWS::Lambda::Function')
      .filter(([, { Metadata }]) => Metadata?.['aws:cdk:path']?.toLowerCase().endsWith(`/${name}/resource`));
    assert.equal(found.length, 1, name);
    const [id, resource] = found[0] as (typeof found)[number];
    const properties = resource.Properties as unknown as FunctionProperties;
    assert.equal(properties.Runtime, 'nodejs24.x');
    // Elsewhere there is nothing but JavaScript.
    if (properties.Layers !== undefined) assert.deepEqual(properties.Architectures, [architecture]);
    const recorder = await startRecorder(lab.secrets.url);
    const layers = (properties.Layers ?? []).map(({ Ref }) => stack.asset(stack.resources[Ref] as never));
    const sandbox = await startSandbox({
      bundle: stack.asset(resource),
      functionName: id,
      lambdaEmulator: lab.parts.lambdaEmulator,
      timeoutSeconds: properties.Timeout,
      // Beside the function's own: the laboratory's certificate authority, which at AWS would be one that everybody trusts.
      layers: [...layers, ...(layers.length > 0 ? lab.layers.slice(1) : [])],
      files: { '/etc/lab.pem': readFileSync(lab.pki.authority) },
      env: {
        ...(stack.resolve(properties.Environment.Variables) as Record<string, string>),
        AWS_ENDPOINT_URL_SECRETS_MANAGER: recorder.url,
        NODE_EXTRA_CA_CERTS: '/etc/lab.pem',
      },
    });
    return { id, sandbox, recorder, properties };
  }

  /** The API's only route, with its integration and authorizer, as the template has them. */
  function route() {
    const [, { Properties: routeOf }] = stack.find('AWS::ApiGatewayV2::Route');
    const [integrationId, { Properties: integration }] = stack.find('AWS::ApiGatewayV2::Integration');
    const [authorizerId, { Properties: authorizer }] = stack.find('AWS::ApiGatewayV2::Authorizer');
    const [, { Properties: stage }] = stack.find('AWS::ApiGatewayV2::Stage');
    stack.set(integrationId, integrationId);
    assert.equal(stack.text(routeOf.Target), `integrations/${integrationId}`);
    assert.deepEqual(routeOf.AuthorizerId, { Ref: authorizerId });
    assert.equal(routeOf.AuthorizationType, 'CUSTOM');
    assert.equal(stage.StageName, '$default');
    assert.equal(integration.PayloadFormatVersion, '2.0');
    assert.deepEqual(
      [authorizer.AuthorizerPayloadFormatVersion, authorizer.EnableSimpleResponses],
      ['2.0', true],
    );
    return {
      key: routeOf.RouteKey as '$default',
      invoke: invokeAt(stack.text(integration.IntegrationUri)),
      authorizer: {
        invoke: invokeAt(stack.text(authorizer.AuthorizerUri)),
        identitySource: authorizer.IdentitySource as string[],
        ttlSeconds: authorizer.AuthorizerResultTtlInSeconds as number,
      },
    };
  }

  function invokeAt(uri: string) {
    const at = [...deployed.values()].find(({ id }) => uri.includes(functionArn(id)));
    assert.ok(at !== undefined, uri);
    return (payload: string) => at.sandbox.invoke(payload);
  }

  function one(name: string): Deployed {
    return deployed.get(name) as Deployed;
  }

  function send(
    path: string,
    body: string | Buffer,
    headers = {},
    from: string = inRange,
  ): Promise<HttpAnswer> {
    const host = from.includes(':') ? `[${from}]` : '127.0.0.1';
    const all = { host: 'hooks.example.com', 'content-type': 'application/json', ...headers };
    return call(`http://${host}:${api.port}${path}`, { method: 'POST', headers: all, body, from });
  }

  function signed(body: string): Record<string, string> {
    const signature = createHmac('sha256', github).update(body).digest('hex');
    return {
      'x-github-event': 'push',
      'x-github-delivery': '1',
      'x-hub-signature-256': `sha256=${signature}`,
    };
  }

  async function rotate(number: number): Promise<void> {
    const token = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    await lab.secrets.beginRotation(keyArn, token);
    for (const step of ['createSecret', 'setSecret', 'testSecret', 'finishSecret']) {
      const event = JSON.stringify({ Step: step, SecretId: keyArn, ClientRequestToken: token });
      const { payload, functionError } = await one('rotation').sandbox.invoke(event);
      assert.equal(functionError, false, `${step}: ${payload}`);
    }
  }

  test('its first rotation makes a key of the control server', async () => {
    await rotate(1);
    const { SecretString } = await lab.secrets.call<{ SecretString: string }>('GetSecretValue', {
      SecretId: keyArn,
      VersionStage: 'AWSCURRENT',
    });
    const { key, tags } = JSON.parse(SecretString);
    assert.match(key, /^hskey-auth-/);
    assert.deepEqual(tags, ['tag:postern']);
  });

  test('a signed webhook goes the whole way to the private target with that key, and the answer comes back', async () => {
    const body = '{"ref":"refs/heads/main"}';
    const answer = await send('/hooks/github?b=2&a=1', body, signed(body));
    assert.equal(answer.status, 200, `${answer.body}\n${one('forwarder').sandbox.log.tail()}`);
    const seen = lab.target.echo.take();
    assert.deepEqual([seen.target, seen.body?.toString()], ['/hooks/github?b=2&a=1', body]);
    assert.ok(
      (await lab.headscale.nodes()).some(({ name }) => name.startsWith('gateway')),
      'the node has the name of the function',
    );
  });

  test('a forged one is refused, and the target hears nothing of it', async () => {
    const answer = await send('/hooks/github', '{"ref":"refs/heads/evil"}', signed('{}'));
    assert.deepEqual([answer.status, JSON.parse(answer.body.toString()).code], [401, 'webhook:signature']);
    assert.equal(lab.target.echo.received.length, 0);
  });

  test('an address outside the ranges is stopped by the authorizer, which is asked once for each address', async () => {
    const { log } = one('authorizer').sandbox;
    const asked = () => log.json.filter(({ event }) => event === 'refused').length;
    for (let count = 0; count < 2; count += 1) {
      const answer = await send('/open/x', '{}', {}, outOfRange);
      assert.deepEqual([answer.status, answer.body.toString()], [403, '{"message":"Forbidden"}']);
    }
    assert.equal(asked(), 1);
    assert.equal((await send('/open/x', '{}', {}, inRange6)).status, 200);
    lab.target.echo.take();
  });

  test('bytes, cookies and repeated headers go both ways unchanged, and what is too large is refused', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const answer = await send('/open/bytes', bytes, {
      'content-type': 'application/octet-stream',
      cookie: 'a=1; b=2',
    });
    assert.equal(answer.status, 200);
    const seen = lab.target.echo.take();
    assert.deepEqual(seen.body, bytes);
    assert.equal(seen.rawHeaders[seen.rawHeaders.indexOf('cookie') + 1], 'a=1; b=2');
    const large = await send('/open/bytes', Buffer.alloc(5 * 1024 * 1024), {
      'content-type': 'application/octet-stream',
    });
    assert.equal(large.status, 413);
  });

  test('a request is a metric of the function that served it', async () => {
    const { id, sandbox } = one('forwarder');
    const line = sandbox.log.json.find(({ event, status }) => event === 'request' && status === 200);
    assert.deepEqual([line?.FunctionName, line?.Requests, line?.Errors], [id, 1, 0]);
    const ready = sandbox.log.json.find(({ event }) => event === 'tunnel ready');
    assert.equal(ready?.TunnelReadyMs, ready?.tookMs);
  });

  test('after another rotation a new sandbox joins with the new key', async () => {
    await rotate(2);
    await one('forwarder').sandbox.shutdown();
    await one('forwarder').recorder.close();
    deployed.set('forwarder', await deploy('forwarder'));
    const body = '{"ref":"refs/heads/main"}';
    api = await lab.api([route()]);
    assert.equal((await send('/hooks/github', body, signed(body))).status, 200);
    lab.target.echo.take();
  });

  test('each secret that a function read is one that its role may read, and no role may read them all', async () => {
    const arnOf = async (secretId: string) =>
      (await lab.secrets.call<{ ARN: string }>('DescribeSecret', { SecretId: secretId })).ARN;
    for (const [name, { recorder, properties }] of deployed) {
      const statements = stack.statements(properties.Role['Fn::GetAtt'][0]);
      for (const { action, secretId } of recorder.calls)
        assert.ok(allows(statements, action, await arnOf(secretId)), `${name}: ${action} on ${secretId}`);
      assert.equal(
        allows(
          statements,
          'secretsmanager:GetSecretValue',
          `arn:aws:secretsmanager:${region}:${account}:secret:other-AbCdEf`,
        ),
        false,
      );
    }
    assert.deepEqual(one('authorizer').recorder.calls, []);
    const [, { Properties }] = stack.find('AWS::SecretsManager::ResourcePolicy');
    const policy = stack.resolve(Properties.ResourcePolicy) as {
      readonly Statement: readonly [
        { readonly Condition: { readonly ArnNotEquals: Readonly<Record<string, string[]>> } },
      ];
    };
    const readers = ['forwarder', 'rotation'].map((name) => stack.text(one(name).properties.Role));
    const [{ Condition }] = policy.Statement;
    assert.deepEqual(Condition.ArnNotEquals['aws:PrincipalArn']?.toSorted(), readers.toSorted());
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
    const [id, resource] = synthesized.find('AWS::Lambda::Function');
    const properties = resource.Properties as unknown as FunctionProperties;
    const [, layer] = synthesized.find('AWS::Lambda::LayerVersion');
    const sandbox = await startSandbox({
      bundle: synthesized.asset(resource),
      functionName: id,
      lambdaEmulator: lab.parts.lambdaEmulator,
      layers: [synthesized.asset(layer), ...lab.layers.slice(1)],
      env: {
        ...(synthesized.resolve(properties.Environment.Variables) as Record<string, string>),
        AWS_ENDPOINT_URL_SECRETS_MANAGER: lab.secrets.url,
      },
    });
    const { payload } = await sandbox.invoke(JSON.stringify({ url: `http://${lab.target.name}:8080/` }));
    await sandbox.shutdown();
    assert.equal(JSON.parse(payload).status, 200, payload);
    assert.ok(
      allows(
        synthesized.statements(properties.Role['Fn::GetAtt'][0]),
        'secretsmanager:GetSecretValue',
        keyArn,
      ),
    );
  });
});
