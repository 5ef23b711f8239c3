import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { uncheckedSecrets } from '../../../adapters/secrets/unchecked.ts';
import { loadProviders } from '../../../gateway/providers/index.ts';
import { type Message, type Signer, signers } from './signers.ts';
import { flat, outcome, providerNamed, providers, verifierOf } from './verify.ts';

const folder = new URL('../../../gateway/providers/', import.meta.url);

test('every provider lies in the file of its name, and every such file is in the index', () => {
  const files = readdirSync(folder).filter(
    (file) => file.endsWith('.ts') && !['index.ts', 'provider.ts', 'received-webhook.ts'].includes(file),
  );
  assert.deepEqual(providers.map(({ name }) => `${name}.ts`).sort(), files.sort());
  assert.ok(providers.every((provider) => Object.isFrozen(provider)));
});

test('every provider is loaded by its name alone', async () => {
  for (const provider of providers)
    assert.deepEqual(await loadProviders((name) => name === provider.name), [provider]);
});

test('every provider has a sender to be tested with', () => {
  const tested = new Set(signers.map(({ provider }) => provider));
  assert.deepEqual([...tested].sort(), providers.map(({ name }) => name).sort());
  assert.equal(new Set(signers.map(({ variant }) => variant)).size, signers.length);
});

const messages = fc.record({
  id: fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/),
  seconds: fc.integer({ min: 1_000_000_000, max: 4_000_000_000 }),
  body: fc.uint8Array({ maxLength: 200 }),
});
const example: Message = { id: 'msg_1', seconds: 1_900_000_000, body: Buffer.from('{"a":1}') };

/** Another byte in the place of one, from a position and a bit that fit any length. */
function flipBit(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = Buffer.from(bytes);
  const index = at % copy.length;
  copy[index] = (copy[index] as number) ^ (1 << bit);
  return copy;
}

const flipText = (text: string, at: number, bit: number) =>
  Buffer.from(flipBit(Buffer.from(text, 'latin1'), at, bit)).toString('latin1');

for (const signer of signers) describeSender(signer);

function describeSender(signer: Signer): void {
  const name = `${signer.provider} (${signer.variant})`;
  const [one, other, third] = [1, 2, 3].map((seed) => signer.secretsOf(seed)) as [Keys, Keys, Keys];
  const verifier = (...secrets: readonly Keys[]) =>
    verifierOf(
      providerNamed(signer.provider),
      signer.options,
      secrets.map(({ gateway }) => gateway),
    );
  const verify = verifier(one);
  const signed = (message: Message, { sender }: Keys = one) =>
    signer.headers(signer.sign(sender, message), message);

  test(`${name}: the placeholder that replaces a secret in postern check is accepted as one`, async () => {
    const placeholder = await uncheckedSecrets({}).get('ssm:not-read');
    assert.doesNotThrow(() => verifierOf(providerNamed(signer.provider), signer.options, [placeholder]));
  });

  test(`${name}: a good signature is accepted, whatever bytes the body has`, () => {
    fc.assert(
      fc.property(messages, (message) => {
        const found = verify(flat(signed(message)), message.body);
        assert.ok(found.kind === 'accepted', found.kind);
        const sendsId = Object.values(signer.headers('', message)).includes(message.id);
        assert.equal(found.id, sendsId ? message.id : undefined);
        assert.equal(found.timestampMs, signer.covered.length === 0 ? undefined : message.seconds * 1000);
      }),
    );
  });

  test(`${name}: an empty body and one that is not UTF-8 are bodies like others`, () => {
    for (const body of [
      new Uint8Array(0),
      Buffer.from([0, 255, 254, 128, 10, 13]),
      Buffer.alloc(100_000, 0xc3),
    ]) {
      assert.equal(outcome(verify, flat(signed({ ...example, body })), body), 'accepted');
    }
  });

  test(`${name}: a bit flipped in the body is refused`, () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.integer({ min: 0, max: 7 }), (message, at, bit) => {
        fc.pre(message.body.length > 0);
        assert.equal(outcome(verify, flat(signed(message)), flipBit(message.body, at, bit)), 'forged');
      }),
    );
    assert.equal(
      outcome(verify, flat(signed(example)), Buffer.concat([example.body, Buffer.alloc(1)])),
      'forged',
    );
    assert.equal(outcome(verify, flat(signed(example)), example.body.subarray(1)), 'forged');
  });

  test(`${name}: a bit flipped in the signature is refused`, () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.integer({ min: 0, max: 7 }), (message, at, bit) => {
        const signature = signer.sign(one.sender, message);
        const flipped = flipText(signature, at, bit);
        const got = outcome(verify, flat(signer.headers(flipped, message)), message.body);
        assert.ok(got === 'forged' || got === 'malformed', got);
      }),
    );
  });

  for (const header of signer.covered) {
    test(`${name}: a bit flipped in ${header} is refused`, () => {
      fc.assert(
        fc.property(messages, fc.nat(), fc.integer({ min: 0, max: 7 }), (message, at, bit) => {
          const headers = signed(message);
          const flipped = { ...headers, [header]: flipText(headers[header] as string, at, bit) };
          const got = outcome(verify, flat(flipped), message.body);
          assert.ok(got === 'forged' || got === 'malformed', got);
        }),
      );
    });

    test(`${name}: without ${header} the headers are malformed`, () => {
      const { [header]: _left, ...rest } = signed(example);
      assert.equal(outcome(verify, flat(rest), example.body), 'malformed');
      assert.equal(outcome(verify, flat({ ...rest, [header]: '' }), example.body), 'malformed');
    });
  }

  test(`${name}: another secret is refused`, () => {
    assert.equal(outcome(verifier(other), flat(signed(example)), example.body), 'forged');
  });

  test(`${name}: while secrets change, either of several is accepted, in any place`, () => {
    for (const secrets of [
      [one, other, third],
      [other, one],
      [third, other, one],
    ])
      assert.equal(outcome(verifier(...secrets), flat(signed(example)), example.body), 'accepted');
    assert.equal(outcome(verifier(other, third), flat(signed(example)), example.body), 'forged');
  });

  test(`${name}: of several signatures in a header one good one is enough, in any place, or several are malformed`, () => {
    const good = signer.sign(one.sender, example);
    const bad = signer.sign(other.sender, example);
    const judge = (...all: readonly string[]) =>
      outcome(verify, flat(signer.headers(all.join(signer.separator), example)), example.body);
    if (signer.most === 1) {
      for (const several of [
        [good, good],
        [bad, good],
        [good, bad],
        [good, ''],
        ['', good],
      ])
        assert.equal(judge(...several), 'malformed');
      return;
    }
    assert.equal(judge(bad, good), 'accepted');
    assert.equal(judge(good, bad), 'accepted');
    assert.equal(judge(bad, bad), 'forged');
    const bads = (count: number) => Array<string>(count).fill(bad);
    assert.equal(judge(...bads(signer.most - 1), good), 'accepted');
    assert.equal(judge(...bads(signer.most), good), 'malformed');
    if (signer.otherVersion !== undefined) assert.equal(judge(signer.otherVersion, good), 'accepted');
    for (const odd of [
      '',
      'v1,',
      `${good}x`,
      `\t${good}`,
      'é',
      ...(signer.commas ? [] : [`${good},${good}`]),
    ])
      assert.equal(judge(good, odd), 'malformed', odd);
  });

  test(`${name}: without the signature's header the request is not its business`, () => {
    const { [signer.signatureHeader]: _left, ...rest } = signed(example);
    assert.equal(outcome(verify, flat(rest), example.body), 'unsigned');
    assert.equal(outcome(verify, [], example.body), 'unsigned');
  });

  test(`${name}: two lines of a header are what their values joined by a comma are, and more than the provider allows is malformed`, () => {
    const headers = signed(example);
    for (const [header, value] of Object.entries(headers)) {
      for (const second of [value, 'other', '']) {
        for (const [one, two] of [
          [value, second],
          [second, value],
        ] as const) {
          const rest = Object.entries(headers).filter(([name]) => name !== header);
          const lines = [...rest.flat(), header, one, header.toUpperCase(), two];
          const joined = [...rest.flat(), header, `${one},${two}`];
          const passedOver = second === 'other' && signer.otherVersion !== undefined;
          const list = header === signer.signatureHeader && signer.commas && (second === value || passedOver);
          const expected = list ? 'accepted' : 'malformed';
          assert.equal(outcome(verify, lines, example.body), expected, `${header}: ${one}, ${two}`);
          assert.equal(outcome(verify, joined, example.body), expected, `${header}: ${one},${two}`);
        }
      }
    }
  });

  test(`${name}: numbers and ids in another spelling are malformed`, () => {
    const headers = signed(example);
    for (const [header, value] of Object.entries(headers)) {
      if (header === signer.signatureHeader) continue;
      const isTime = /^[0-9]+$/.test(value);
      const odd = [
        `${value},${value}`,
        `\t${value}`,
        `${value} `,
        ` ${value}`,
        `${value}\u00a0`,
        'é',
        'x'.repeat(257),
        '',
      ];
      const oddTimes = [
        '0',
        '1',
        `0${value}`,
        `+${value}`,
        `-${value}`,
        `${value}.0`,
        '1.9e9',
        '0x7140f080',
        '１９００００００００',
        `${value}0`,
        value.slice(1),
      ];
      for (const other of [...odd, ...(isTime ? oddTimes : [])])
        assert.equal(
          outcome(verify, flat({ ...headers, [header]: other }), example.body),
          'malformed',
          `${header}: ${JSON.stringify(other)}`,
        );
    }
  });

  test(`${name}: a signature in another spelling is not accepted, but for hex all in capitals`, () => {
    const good = signer.sign(one.sender, example);
    const at = Math.max(good.search(/[=,]/) + 1, 0);
    const [prefix, text] = /^(sha256=|v1=|v1a?,)/.test(good)
      ? [good.slice(0, at), good.slice(at)]
      : ['', good];
    const judge = (signature: string) =>
      outcome(verify, flat(signer.headers(signature, example)), example.body);
    assert.equal(judge(`${prefix}${text}`), 'accepted');
    const hex = /^[0-9a-f]+$/.test(text);
    if (hex) assert.equal(judge(`${prefix}${text.toUpperCase()}`), 'accepted');
    const mixed = text.replace(/[a-f]/, (letter) => letter.toUpperCase());
    const urlSafe = text.replaceAll('+', '-').replaceAll('/', '_');
    const spare = text.replace(
      /([A-Za-z0-9+/])(=+)$/,
      (_, last: string, pads: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}${pads}`,
    );
    for (const other of [mixed, urlSafe, spare, text.replace(/=+$/, ''), `${text}=`, ` ${text}`, `0x${text}`])
      if (other !== text) assert.ok(['forged', 'malformed'].includes(judge(`${prefix}${other}`)), other);
  });

  test(`${name}: the case of a header's name does not matter`, () => {
    const headers = Object.entries(signed(example)).flatMap(([header, value]) => [
      header.toUpperCase(),
      value,
    ]);
    assert.equal(outcome(verify, headers, example.body), 'accepted');
  });

  test(`${name}: whatever the headers hold, it is never accepted and never fails otherwise`, () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.constantFrom(
        '',
        ',',
        ' ',
        'v1,',
        'v1a,',
        'sha256=',
        `sha256=${'0'.repeat(64)}`,
        `v1,${'A'.repeat(43)}=`,
        `v1a,${'A'.repeat(86)}==`,
      ),
      fc.integer().map(String),
    );
    const names = Object.keys(signed(example));
    fc.assert(
      fc.property(fc.array(value, { minLength: names.length, maxLength: names.length }), (values) => {
        const headers = names.flatMap((header, at) => [header, values[at] as string]);
        assert.ok(['forged', 'malformed'].includes(outcome(verify, headers, example.body)));
      }),
    );
  });
}

type Keys = ReturnType<Signer['secretsOf']>;
