import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { uncheckedSecrets } from '../../../adapters/secrets/unchecked.ts';
import { displayValue } from '../../../base/display-value.ts';
import { readEnvironment } from '../../../functions/environment.ts';
import { readRotationEnvironment } from '../../../functions/rotation/environment.ts';
import { variables } from '../../../functions/variables.ts';
import { InvalidConfiguration } from '../../../gateway/config/problems.ts';
import { loadGateway } from '../../../gateway/index.ts';
import { readTailnetPorts } from '../../../gateway/upstream/tailnet/ports.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** Everything that loading says of a configuration: errors, warnings, what is logged. */
async function messagesOf(file: string, text: string): Promise<string> {
  const lines: string[] = [];
  const write = (event: string, fields: unknown) => void lines.push(event, JSON.stringify(fields));
  const secrets = uncheckedSecrets({});
  try {
    const { gateway } = await loadGateway(
      { file, text },
      {
        clock: new VirtualClock(0),
        log: { info: write, warn: write, error: write },
        secrets,
        tailnet: readTailnetPorts({}),
      },
    );
    await gateway.close();
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    lines.push(error.message, JSON.stringify(error.problems));
  }
  return [...lines, ...secrets.notes()].join('\n');
}

/** Not a name as AWS or an environment has it, and in no language a word. */
const marker = 'hunter2-Xy7!';
const long = 'Zk3VbQ0pLw8RrT1yUi6OoP5aSd4FgH2jKxCvBnM9qWeE';

const configuration = {
  services: {
    a: {
      targets: [{ url: 'http://builder:8080', weight: 1 }],
      transport: 'socks5://127.0.0.1:1080',
      timeout: '10s',
    },
  },
  routes: {
    a: {
      match: { hosts: ['a.example.com'], path: '/a', methods: ['POST'] },
      service: 'a',
      respond: 'full',
      plugins: {
        webhook: {
          provider: 'hmac',
          header: 'x-signature',
          secret: ['env:A', 'secretsmanager:b#c'],
          tolerance: '5m',
        },
        'source-ip': { allow: ['192.0.2.0/24'] },
        'size-limit': { max: '1MiB' },
      },
    },
  },
};

type Path = readonly (string | number)[];
function* scalars(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value !== 'object' || value === null) yield path;
  else for (const [key, inner] of Object.entries(value)) yield* scalars(inner, [...path, key]);
}
function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}
const everywhere = [...scalars(configuration)];
const bearing = everywhere.filter((path) =>
  path.some((key) => /^(?:secret|url|transport)$/.test(String(key))),
);

/** How a secret comes to stand in a field: by itself, in a URL, in a reference that is not one. */
const forms = (secret: string): readonly unknown[] => [
  secret,
  [secret],
  { [secret]: secret },
  `socks5://user:${secret}@proxy:1080`,
  `socks5://${secret}@proxy:1080`,
  `socks5h://user:${secret}@proxy:1080`,
  `sock5://user:${secret}@proxy:1080`,
  `socks5:user:${secret}@proxy:1080`,
  `socks5//user:${secret}@proxy:1080`,
  `SOCKS5://user:${secret}`,
  `socks5://proxy:${secret}`,
  `http://user:${secret}@builder`,
  `http://${secret}@127.0.0.1`,
  `http:user:${secret}@builder`,
  `http://builder?token=${secret}`,
  `http://builder#${secret}`,
  `http://127.0.0.1/${secret}`,
  `ftp://user:${secret}@builder`,
  `user:${secret}@builder:8080`,
  `${secret}:8080`,
  `${secret}://builder`,
  `vault:${secret}`,
  `env:${secret}`,
  `secretsmanager:${secret} *`,
  `ssm:${secret}*`,
];

for (const path of bearing) {
  test(`a secret that stands in ${path.join('.')} is never printed, whatever is wrong with it`, async () => {
    for (const form of [...forms(marker), ...forms(long).filter((one) => !String(one).startsWith('env:'))]) {
      const changed = replaced(configuration, path, form);
      for (const [file, text] of [
        ['FILE', stringify(changed)],
        ['FILE.json', JSON.stringify(changed, undefined, 1)],
      ] as const) {
        const output = await messagesOf(file, text);
        assert.ok(!output.includes(marker) && !output.includes(long), `${JSON.stringify(form)}: ${output}`);
      }
    }
  });
}

for (const path of everywhere) {
  if (bearing.includes(path)) continue;
  test(`a long value, a URL or a token in place of ${path.join('.')} is not printed`, async () => {
    for (const value of [`https://user:${marker}@x`, `tskey-auth-${marker.slice(0, 7)}`, { [long]: 1 }]) {
      const output = await messagesOf('FILE', stringify(replaced(configuration, path, value)));
      const names = path.includes('service') || path.includes('path');
      assert.ok(names || !output.includes('hunter2'), output);
    }
  });
}

test('a secret that became part of its key, because a blank is missing, is not printed', async () => {
  for (const line of [`secret:${marker}`, `"secret: ${marker}"`, `secret=${long}`, `${long}${long}`]) {
    const text = `routes: { a: { plugins: { webhook: { provider: github, ${line} } } } }`;
    const output = await messagesOf('FILE', text);
    assert.ok(output.length > 0 && !output.includes(marker) && !output.includes(long), output);
  }
});

const filled = JSON.parse(JSON.stringify(configuration), (_key, value) =>
  typeof value === 'string' ? marker : value,
);
for (const [file, text] of [
  ['FILE.json', JSON.stringify(filled, undefined, 1)],
  ['FILE.yaml', stringify(filled)],
] as const) {
  test(`an error of syntax never quotes the text around it: ${file}`, async () => {
    const junk = fc.constantFrom(
      '',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      ':',
      ': ',
      ',',
      '\n',
      '\t',
      '#',
      '&a ',
      '*a ',
      '!t ',
      '%',
      '@',
      '`',
      '|',
      '>',
      '\\',
      '---\n',
      '\0',
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), fc.nat(3), junk, async (at, cut, inserted) => {
        const output = await messagesOf(file, text.slice(0, at) + inserted + text.slice(at + cut));
        // With what comes from a schema a short value may be shown; what the parser says quotes nothing.
        for (const line of output.split('\n'))
          if (!/^(?:FILE\.\w+:\d+:\d+ [^ ]*: |\[\{)/.test(line)) assert.ok(!line.includes('hunter2'), line);
      }),
      { numRuns: 400 },
    );
  });
}

test('a variable that is wrong is named, and its value is not printed when it may hold a secret', () => {
  let messages = 0;
  for (const name of Object.keys(variables)) {
    for (const value of [`https://user:${marker}@h`, `tskey-auth-${long}`, `${long}!`]) {
      for (const read of [readEnvironment, readRotationEnvironment]) {
        try {
          read({ POSTERN_ROTATION_ISSUER: 'tailscale', POSTERN_ROTATION_CREDENTIALS_ID: 'x', [name]: value });
        } catch (error) {
          messages += 1;
          assert.ok(
            !(error as Error).message.includes(marker) && !(error as Error).message.includes(long),
            `${error}`,
          );
        }
      }
    }
  }
  assert.ok(messages > Object.keys(variables).length, `only ${messages} values were refused`);
});

test('a displayed value is short and plain', () => {
  for (const value of ['30x', 'http://api.example.com', 'https://[::1]:8080/'])
    assert.equal(displayValue(value), JSON.stringify(value));
  for (const value of [
    'a@b',
    'https://u:p@x',
    'https://api.example.com/hooks/T0/B0/x?y',
    'x'.repeat(33),
    'vault://x',
    'tskey-auth-abc',
  ])
    assert.equal(displayValue(value), `a string of ${value.length} characters`);
});
