import assert from 'node:assert/strict';
import test from 'node:test';
import { meteredLog } from '../../../base/aws/emf.ts';
import { createLog, type Log } from '../../../base/log.ts';
import { listLog } from '../../functions/gateways.ts';

// The contract of Log, over what writes lines and over what the tests keep them with.

interface Entry {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Opened {
  readonly log: Log;
  entries(): readonly Entry[];
}

/** Reads what a log wrote: one JSON object a line. */
function openLines(wrap: (log: Log) => Log): Opened {
  const lines: string[] = [];
  return {
    log: wrap(createLog((line) => lines.push(line))),
    entries: () =>
      lines.map((line) => {
        assert.equal(line.indexOf('\n'), line.length - 1, 'one line');
        const { time, level, event, ...fields } = JSON.parse(line);
        assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        return { level, event, fields };
      }),
  };
}

function openList(): Opened {
  const { log, lines } = listLog();
  return { log, entries: () => lines };
}

const source = { functionName: 'forwarder', clock: { now: () => 1_900_000_000_000 } };

for (const [name, open] of [
  ['createLog', () => openLines((log) => log)],
  ['meteredLog', () => openLines((log) => meteredLog(log, source, {}))],
  ['the list of the tests', openList],
] as const) {
  test(`${name}: each call is one entry with its level, its event and its fields, in order`, () => {
    const { log, entries } = open();
    log.info('started', { port: 1 });
    log.warn('odd', { list: ['a', { b: null }] });
    log.error('broken');
    assert.deepEqual(entries(), [
      { level: 'info', event: 'started', fields: { port: 1 } },
      { level: 'warn', event: 'odd', fields: { list: ['a', { b: null }] } },
      { level: 'error', event: 'broken', fields: {} },
    ]);
  });

  test(`${name}: texts with line breaks, quotes and other signs are still one entry`, () => {
    const { log, entries } = open();
    const text = 'a\n{"event":"forged"}\r\u2028"\\ 漢';
    log.info('request', { text, 'a\nkey': text });
    assert.deepEqual(entries(), [{ level: 'info', event: 'request', fields: { text, 'a\nkey': text } }]);
  });

  test(`${name}: the methods work apart from their object`, () => {
    const { log, entries } = open();
    const { info, warn, error } = log;
    for (const write of [info, warn, error]) write('event');
    assert.deepEqual(
      entries().map(({ level }) => level),
      ['info', 'warn', 'error'],
    );
  });
}
