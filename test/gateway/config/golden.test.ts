import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { everything } from '../../../base/named.ts';
import { InvalidConfiguration, loadGateway } from '../../../gateway/index.ts';
import { slotOf } from '../../../gateway/pipeline/chains.ts';
import type { Plugin } from '../../../gateway/plugin/plugin.ts';
import { loadPlugins } from '../../../gateway/plugins/index.ts';
import { loadProviders } from '../../../gateway/providers/index.ts';
import { transportForms } from '../../../gateway/upstream/transports/index.ts';
import { testPorts } from '../../support/ports.ts';

const folder = new URL('./golden/', import.meta.url);

const plugins = await loadPlugins(everything);
const namesOf = (chosen: readonly Plugin[]) => chosen.map(({ name }) => name).join(', ');
/** Lists in messages that grow with each plugin, provider or transport. */
const lists: Readonly<Record<string, string>> = {
  '{plugins of a consumer}': namesOf(plugins.filter(({ scopes }) => scopes.includes('consumer'))),
  '{plugins that guard}': namesOf(plugins.filter(({ guard }) => guard !== undefined)),
  '{plugins that find subjects}': namesOf(plugins.filter((plugin) => slotOf(plugin) === 'subject')),
  '{providers}': (await loadProviders(everything)).map(({ name }) => `"${name}"`).join(' or '),
  '{transports}': transportForms.join(', '),
};

/** A case is a file: a configuration, and below `# expect:` the messages it must give; none means that it is in order. */
for (const file of readdirSync(folder)) {
  test(`golden/${file} says exactly what it should`, async () => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const [, expected = ''] = text.split(/^# expect:\n/m);
    const messages = expected
      .replace(/^# /gm, '')
      .replace(/\{(?:plugins|providers|transports)[a-z ]*\}/g, (list) => lists[list] ?? assert.fail(list));
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
