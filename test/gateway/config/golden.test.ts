import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { everything } from '../../../base/named.ts';
import { InvalidConfiguration, loadGateway } from '../../../gateway/index.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';
import { testPorts } from '../../support/ports.ts';

const folder = new URL('./golden/', import.meta.url);

const plugins = await loadPlugins(everything);
const ofConsumer = plugins.filter(({ scopes }) => scopes.includes('consumer')).map(({ name }) => name);

/** A case is a file: a configuration, and below `# expect:` the messages it must give; none means that it is in order. */
for (const file of readdirSync(folder)) {
  test(`golden/${file} says exactly what it should`, async () => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const [, expected = ''] = text.split(/^# expect:\n/m);
    const messages = expected.replace(/^# /gm, '').replace('{plugins of a consumer}', ofConsumer.join(', '));
    assert.equal(await messagesOf(text), messages.trimEnd());
  });
}

async function messagesOf(text: string): Promise<string> {
  try {
    const { gateway } = await loadGateway({ file: 'FILE', text }, testPorts());
    await gateway.close();
    return '';
  } catch (error) {
    if (error instanceof InvalidConfiguration) return error.message;
    throw error;
  }
}
