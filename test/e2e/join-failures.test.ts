import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Federation, startFederation } from './lab/federation.ts';
import { type Lab, secretId, startLab } from './lab/lab.ts';
import { enterHub } from './lab/network.ts';
import { type Probe, startProbe } from './lab/probe.ts';
import { accessDenied, startFailingSecretsManager } from './lab/secrets.ts';

const skip = (await enterHub()) ?? false;

describe('an extension that cannot join', { skip }, () => {
  let lab: Lab;
  let url: string;

  before(async () => {
    lab = await startLab();
    url = `http://${lab.target.name}:8080/`;
  });
  after(() => lab?.stop());

  /** Starts the function and checks that init fails before Lambda ends it, with this cause, in the log and in what Lambda is told. */
  async function assertInitFails(probe: Probe, cause: string): Promise<void> {
    const answer = await probe.get(url);
    const text = probe.log.text;
    assert.notEqual(answer.status, 200);
    const told = probe.log.json.find((line) => line.event === 'init failed');
    assert.equal(told?.code, cause, text);
    assert.ok(String(told?.detail).length > 20, 'it says nothing that a person can act on');
    assert.match(text, /Extension\.[A-Z][A-Za-z]+/, 'Lambda was told nothing');
  }

  const secrets: readonly (readonly [name: string, make: () => Promise<string>, cause: string])[] = [
    [
      'a key that nobody knows',
      async () => `hskey-auth-${'a'.repeat(12)}-${'b'.repeat(64)}`,
      'tunnel:key-invalid',
    ],
    ['a key that has expired', () => newKey({ validMs: 400 }, 450), 'tunnel:key-expired'],
    ['a key for one node that was used', usedKey, 'tunnel:key-used'],
    ['a text that is not a key', async () => 'not a key at all', 'tunnel:secret-malformed'],
    ['JSON without a key', async () => '{"token":"x"}', 'tunnel:secret-malformed'],
  ];
  for (const [name, make, cause] of secrets) {
    test(`says ${cause} for ${name}`, async () => {
      const secret = await make();
      await lab.secrets.put(secretId, secret);
      const probe = await startProbe(lab);
      await assertInitFails(probe, cause);
      assert.ok(!probe.log.text.includes(secret.slice(-12)), 'the secret is in the log');
      await probe.kill();
    });
  }

  async function newKey(options: { validMs?: number; reusable?: boolean }, waitMs = 0): Promise<string> {
    const { key } = await lab.headscale.createKey(options);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    return key;
  }

  async function usedKey(): Promise<string> {
    const key = await newKey({ reusable: false });
    await lab.secrets.put(secretId, key);
    const first = await startProbe(lab);
    assert.equal((await first.get(url)).status, 200);
    await first.shutdown();
    return key;
  }

  test('says tunnel:secret-missing when there is no such secret', async () => {
    const probe = await startProbe(lab, { env: { POSTERN_TAILNET_SECRET_ID: 'no/such' } });
    await assertInitFails(probe, 'tunnel:secret-missing');
    assert.match(probe.log.text, /no\/such/);
    await probe.kill();
  });

  test('says tunnel:misconfigured when no secret is named', async () => {
    const probe = await startProbe(lab, { env: { POSTERN_TAILNET_SECRET_ID: '' } });
    await assertInitFails(probe, 'tunnel:misconfigured');
    await probe.kill();
  });

  test('says tunnel:secret-forbidden when the role may not read it, and asks only once', async () => {
    const denying = await startFailingSecretsManager(accessDenied);
    const probe = await startProbe(lab, { env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: denying.url } });
    await assertInitFails(probe, 'tunnel:secret-forbidden');
    assert.equal(denying.calls, 1);
    await probe.kill();
    await denying.stop();
  });

  test('says tunnel:control-unreachable at once when the control server has a certificate that is not trusted', async () => {
    await lab.storeKey();
    const [postern = ''] = lab.layers;
    const probe = await startProbe(lab, { layers: [postern] });
    await assertInitFails(probe, 'tunnel:control-unreachable');
    assert.match(probe.log.text, /x509/, 'it waited for the deadline');
    await probe.kill();
  });

  const steps: readonly (readonly [name: string, cause: string, breakIt: (parts: Federation) => void])[] = [
    [
      'the role may not ask for an identity token',
      'tunnel:identity-forbidden',
      ({ sts }) => {
        sts.trouble = () => ({ status: 403, code: 'AccessDenied', message: 'sts:GetWebIdentityToken' });
      },
    ],
    [
      'the account does not issue identity tokens',
      'tunnel:identity-disabled',
      ({ sts }) => {
        sts.trouble = () => ({
          status: 403,
          code: 'OutboundWebIdentityFederationDisabledException',
          message: 'no',
        });
      },
    ],
    [
      'the tailnet does not accept the identity',
      'tunnel:identity-refused',
      ({ api }) => {
        api.trouble = () => ({ status: 403, message: 'Unauthorized' });
      },
    ],
    [
      'the federated identity has no scope for keys',
      'tunnel:scope-missing',
      ({ api }) => {
        api.trouble = (step) =>
          step === 'keys' ? { status: 403, message: 'does not have enough permissions' } : undefined;
      },
    ],
    [
      'the tags are not those of the federated identity',
      'tunnel:tags-refused',
      ({ api }) => {
        api.trouble = (step) =>
          step === 'keys'
            ? { status: 400, message: 'requested tags [tag:postern] are invalid or not permitted' }
            : undefined;
      },
    ],
  ];
  for (const [name, cause, breakIt] of steps) {
    test(`says ${cause} when ${name}`, async () => {
      const federation = await startFederation(lab);
      breakIt(federation);
      const probe = await startProbe(lab, { env: federation.env });
      await assertInitFails(probe, cause);
      for (const token of [...federation.sts.tokens, ...federation.api.accessTokens])
        assert.ok(!probe.log.text.includes(token.slice(-12)), 'a token is in the log');
      await probe.kill();
      federation.stop();
    });
  }

  test('says which step of a join by identity did not answer before init is over, and joins when it does', async () => {
    const noSts = await startFederation(lab);
    const noApi = await startFederation(lab);
    noSts.sts.trouble = () => 'silence';
    noApi.api.trouble = () => 'silence';
    const [deaf, waiting] = [
      await startProbe(lab, { env: noSts.env }),
      await startProbe(lab, { env: noApi.env }),
    ];
    await Promise.all([
      assertInitFails(deaf, 'tunnel:identity-unreachable'),
      assertInitFails(waiting, 'tunnel:api-unreachable'),
    ]);
    noApi.api.trouble = () => undefined;
    assert.equal((await waiting.get(url)).status, 200);
    await Promise.all([waiting.shutdown(), deaf.kill()]);
    noSts.stop();
    noApi.stop();
  });

  test('says what did not answer before init is over, and joins at the next event when that is back', async () => {
    await lab.storeKey();
    await lab.headscale.stop();
    const silent = await startFailingSecretsManager('silent');
    const waiting = await startProbe(lab);
    const deaf = await startProbe(lab, { env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: silent.url } });
    try {
      await Promise.all([
        assertInitFails(waiting, 'tunnel:control-unreachable'),
        assertInitFails(deaf, 'tunnel:secret-unreachable'),
      ]);
    } finally {
      await lab.headscale.restart();
      await silent.stop();
    }
    // Lambda starts the sandbox's processes again with the next event.
    assert.equal((await waiting.get(url)).status, 200);
    await Promise.all([waiting.shutdown(), deaf.kill()]);
  });
});
