import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { createSecrets } from '../../adapters/secrets/index.ts';
import { systemClock } from '../../base/clock.ts';
import {
  BytesBody,
  type Decision,
  InvalidConfiguration,
  loadGateway,
  noMetrics,
  readTailnetPorts,
} from '../../gateway/index.ts';
import { parseHttpRequest } from './http-message.ts';
import { readInput, readSource, UsageError } from './usage.ts';

/**
 * `postern explain FILE`: runs a request through the plugins and prints each verdict; nothing is sent on.
 *
 * The request is an HTTP/1.1 message, from `--request FILE` or standard input. Exit 0 when it would go to its target,
 * 1 when it is refused or the configuration is wrong.
 */
export async function explain(args: readonly string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { request: { type: 'string', default: '-' }, source: { type: 'string', default: '127.0.0.1' } },
  });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1)
    throw new UsageError('usage: postern explain FILE [--request FILE|-] [--source IP]');
  if (isIP(values.source) === 0)
    throw new UsageError(`--source: ${JSON.stringify(values.source)} is not an IP address`);
  const source = await readSource(file);
  const message = parseHttpRequest(await readInput(values.request));
  if (typeof message === 'string')
    throw new UsageError(
      `${values.request === '-' ? 'standard input' : values.request} is not an HTTP request: ${message}`,
    );
  try {
    const { gateway } = await loadGateway(source, {
      clock: systemClock,
      log: silent,
      metrics: noMetrics,
      secrets: createSecrets(process.env),
      tailnet: readTailnetPorts(process.env),
    });
    const { method, target, headers, body } = message;
    const decision = await gateway.decide({
      method,
      target,
      absoluteForm: true,
      headers,
      body: new BytesBody(body),
      clientIp: values.source,
      // As in `postern serve`, the only host that takes absolute-form.
      scheme: 'http',
    });
    process.stdout.write(report(decision));
    await gateway.close();
    return decision.reply === undefined ? 0 : 1;
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function report({ exchange, route: matched, reply }: Decision): string {
  const lines: string[] = [];
  if (exchange !== undefined) {
    const { head, route, consumer, trail } = exchange;
    lines.push(
      `${head.method} ${head.path} on ${head.host} from ${head.clientIp}`,
      `route ${route.name}${route.service === undefined ? '' : `, service ${route.service}`}`,
      ...(head.droppedHeaders ? [`dropped ${head.droppedHeaders} headers for their names`] : []),
      '',
    );
    for (const { plugin, result, reason, microseconds } of trail) {
      lines.push(
        `  ${plugin.padEnd(16)} ${result.padEnd(16)} ${`${microseconds} µs`.padStart(9)}  ${reason ?? ''}`.trimEnd(),
      );
    }
    if (consumer !== undefined) lines.push(`  consumer ${consumer}`);
    lines.push('');
  }
  if (reply === undefined)
    lines.push(`admitted: ${exchange === undefined ? '' : matched?.action.describe(exchange.head)}`);
  else
    lines.push(
      `answered with ${reply.status} ${reply.code}${reply.kind === 'refuse' ? `: ${reply.title}` : ''}${reply.detail === undefined ? '' : ` (${reply.detail})`}`,
    );
  return `${lines.join('\n')}\n`;
}

const silent = { info() {}, warn() {}, error() {} };
