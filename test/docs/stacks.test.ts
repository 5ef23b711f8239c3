import assert from 'node:assert/strict';
import test from 'node:test';
import { names, page, rows, section } from './pages.ts';

// Read as text: importing the constructs loads the CDK, which takes seconds.

interface Choice {
  readonly name: string;
  /** What follows `@default`, or undefined when the property has none. */
  readonly fallback: string | undefined;
}

/** The properties of an interface, with their defaults. */
function choicesOf(file: string, declared: string): readonly Choice[] {
  const text = page(file);
  const start = text.indexOf(`export interface ${declared} `);
  assert.ok(start >= 0, `${file} has no ${declared}`);
  const body = text.slice(start, text.indexOf('\n}', start));
  return [...body.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s+readonly (\w+)\??:/gs)].map(
    ([, comment = '', name = '']) => ({
      name,
      fallback: /@default (.*)/.exec(comment)?.[1]?.trim(),
    }),
  );
}

for (const [path, heading, file, declared] of [
  ['docs/deploy.md', '## 3. The configuration', 'lib/postern-stack.ts', 'PosternChoices'],
  ['docs/demo.md', '## Choices', 'lib/demo/choices.ts', 'DemoChoices'],
  ['docs/pipeline.md', '## Setting it up', 'lib/pipeline/choices.ts', 'PipelineChoices'],
] as const) {
  test(`${path} lists every choice of ${declared} with its default`, () => {
    const table = rows(path, heading);
    const choices = choicesOf(file, declared);
    assert.ok(choices.length > 4);
    assert.deepEqual(
      table.flatMap(([cell]) => names(cell)).toSorted(),
      choices.map(({ name }) => name).toSorted(),
    );
    for (const { name, fallback } of choices) {
      if (fallback === undefined || fallback.startsWith('- ')) continue;
      const [, cell = ''] = table.find(([first]) => names(first).includes(name)) ?? [];
      const plain = (text: string) => text.replaceAll(/[`'"[\]]/g, '');
      assert.equal(plain(cell), plain(fallback), name);
    }
  });
}

test('docs/layer.md lists every option of tailnetAgent and tailnetDispatcher but the clock of tests', () => {
  const declared = page('gateway/upstream/tailnet/options.ts').match(/^ {2}readonly (\w+)\?/gm) ?? [];
  const options = declared
    .map((line) => line.replace(/^ {2}readonly |\?$/g, ''))
    .filter((name) => name !== 'clock');
  const listed = rows('docs/layer.md', '## In Node').flatMap(([cell]) => names(cell));
  for (const name of options) assert.ok(listed.includes(name), name);
  assert.match(section('docs/layer.md', '## In Node'), /`withinMs` \| 10000 /);
});
