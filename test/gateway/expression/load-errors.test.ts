import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { ConfigurationError } from '../../../base/schema/configuration-error.ts';
import { compile } from './exchange.ts';

type Case = readonly [source: string, message: string, marked: string, hint: string];
const { cases } = JSON.parse(readFileSync(new URL('load-errors.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};

async function loadError(source: string): Promise<ConfigurationError> {
  try {
    await compile(source);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, `${error}`);
    return error;
  }
  return assert.fail(`${source} loaded`);
}

/** What the carets of a message stand under. */
function markedBy(message: string): string {
  const [line = '', carets = ''] = message.split('\n').slice(-2);
  return line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1);
}

for (const [source, message, marked, hint] of cases) {
  test(`${JSON.stringify(source)} does not load: ${message}`, async () => {
    const error = await loadError(source);
    assert.ok(error.message.includes(message), error.message);
    assert.equal(markedBy(error.message), marked, error.message);
    assert.ok((error.hint ?? '').includes(hint), `hint: ${error.hint}`);
  });
}

test('the message shows the line with its number, and a caret under the place', async () => {
  const error = await loadError("request.method == 'POST' &&\n  webhook.evnt == 'push'");
  assert.equal(
    error.message,
    ['webhook has no field "evnt"', "  2 |   webhook.evnt == 'push'", '    |           ^^^^'].join('\n'),
  );
});

test('of a long line only the part around the place is shown', async () => {
  const error = await loadError(`${'true && '.repeat(40)}webook.event == 'push'`);
  assert.ok(error.message.split('\n').every((line) => line.length < 120));
  assert.equal(markedBy(error.message), 'webook');
});
