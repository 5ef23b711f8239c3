import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Expectation, FidelityCase, HostName } from './case.ts';
import { cases } from './cases/index.ts';
import { exchange, type Received } from './client.ts';
import { hosts, sorted } from './hosts.ts';
import { type RecordingTarget, type Seen, startRecordingTarget } from './target.ts';
import { headerOf } from './wire.ts';

/** A way to run the gateway, with the target at hand. */
export interface FidelityHost {
  readonly name: HostName;
  /** Where the target of the host's configuration listens. Default: 127.0.0.1 and a free port. */
  readonly target?: { readonly host: string; readonly port: number };
  /** Starts the host, configured by `fidelityConfiguration`, and says where clients connect. */
  open(target: { readonly port: number }): Promise<OpenHost>;
}

export interface OpenHost {
  readonly host: string;
  readonly port: number;
  /** The address that the gateway sees clients come from. Default: 127.0.0.1. */
  readonly clientIp?: string;
  close(): Promise<void>;
}

/** The configuration that the table needs: one open route for each mode, below the path of its name. */
export function fidelityConfiguration(targetUrl: string, transport = 'direct'): unknown {
  const modes = ['full', 'headers', 'status', 'none'];
  return {
    services: { target: { targets: [{ url: targetUrl }], transport, timeout: '20s' } },
    routes: Object.fromEntries(
      modes.map((mode) => [
        mode,
        { match: { path: `/${mode}/*` }, service: 'target', respond: mode, open: true },
      ]),
    ),
  };
}

const hostHeader = 'fidelity.example:8080';

/** Runs the whole table against a host. */
export function runFidelity(host: FidelityHost): void {
  describe(`the ${host.name} host hands on byte for byte:`, () => {
    let target: RecordingTarget;
    let open: OpenHost;
    before(async () => {
      target = await startRecordingTarget(host.target?.host, host.target?.port);
      open = await host.open({ port: target.port });
    });
    after(async () => {
      await open?.close();
      await target?.close();
    });
    for (const fidelityCase of cases) {
      test(titleOf(fidelityCase, host.name), async () => {
        target.answerWith(fidelityCase.answer);
        const received = await exchange(open, hostHeader, fidelityCase.request);
        check(host.name, fidelityCase, target.taken(), received, open.clientIp ?? '127.0.0.1');
      });
    }
  });
}

function titleOf({ name, gateway, platform, unproven }: FidelityCase, host: HostName): string {
  const remarks = [platform?.[host]?.why ?? gateway?.why, unproven?.[host]];
  const said = remarks.filter((remark) => remark !== undefined);
  return said.length === 0 ? name : `${name} (${said.join('; ')})`;
}

function check(
  name: HostName,
  { request, answer, gateway, platform }: FidelityCase,
  seen: readonly Seen[],
  received: Received,
  clientIp: string,
): void {
  const expectation = merge(gateway, platform?.[name]);
  const { seen: wanted } = expectation;
  if (wanted === 'nothing') assert.equal(seen.length, 0, 'the target saw a request');
  else {
    const { target = request.target, headers = request.headers, body = request.body } = wanted ?? {};
    assert.equal(
      seen.length,
      1,
      `the target saw ${seen.length} requests; the client got ${describeAnswer(received)}`,
    );
    checkSeen(name, seen[0] as Seen, { method: request.method, target, headers, body });
    checkForwarding(seen[0] as Seen, received, hosts[name].scheme, clientIp);
  }
  const { code, platform: platformStatus, ...rest } = expectation.received ?? {};
  if (platformStatus !== undefined) return assert.equal(received.status, platformStatus);
  assert.notEqual(headerOf(received.headers, 'x-request-id'), undefined);
  if (code !== undefined) {
    assert.equal(received.status, rest.status);
    return assert.equal(JSON.parse(received.body.toString('utf8')).code, code);
  }
  const bodyless = request.method === 'HEAD';
  checkReceived(name, received, {
    status: rest.status ?? answer.status,
    headers: rest.headers ?? answer.headers,
    body: rest.body ?? (bodyless ? undefined : answer.body),
    interim: rest.interim ?? answer.interim ?? [],
  });
}

interface WantedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Uint8Array | undefined;
}

/** Written by the gateway or by the connection to the target, and checked by themselves. */
const ownInRequest = [
  'host',
  'connection',
  'transfer-encoding',
  'content-length',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'x-request-id',
];

function checkSeen(name: HostName, seen: Seen, wanted: WantedRequest): void {
  const rules = hosts[name];
  assert.equal(seen.method, wanted.method);
  assert.equal(seen.target, wanted.target);
  const headers = without(seen.headers, [...ownInRequest, ...rules.addedToRequest]);
  const ordered = name === 'server' ? headers : sorted(headers);
  assert.deepEqual(ordered, rules.request(without(wanted.headers, ownInRequest)));
  assert.equal(digest(seen.body), digest(wanted.body));
  const length = headerOf(seen.headers, 'content-length');
  if (length !== undefined) assert.equal(length, String(seen.body.byteLength));
  if (wanted.body === undefined) assert.equal(headerOf(seen.headers, 'transfer-encoding'), undefined);
}

function checkForwarding(seen: Seen, received: Received, scheme: string, clientIp: string): void {
  const node = clientIp.includes(':') ? `"[${clientIp}]"` : clientIp;
  const wanted: [string, string | undefined][] = [
    ['x-forwarded-for', clientIp],
    ['x-forwarded-proto', scheme],
    ['x-forwarded-host', hostHeader],
    ['forwarded', `for=${node};host="${hostHeader}";proto=${scheme}`],
    ['x-request-id', headerOf(received.headers, 'x-request-id')],
  ];
  for (const [header, value] of wanted) {
    const values = seen.headers.filter(
      (_, at) => at % 2 === 1 && seen.headers[at - 1]?.toLowerCase() === header,
    );
    assert.deepEqual(values, [value], header);
  }
}

interface WantedAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Uint8Array | undefined;
  readonly interim: readonly { readonly status: number; readonly headers: readonly string[] }[];
}

function checkReceived(name: HostName, received: Received, wanted: WantedAnswer): void {
  const rules = hosts[name];
  assert.equal(received.status, wanted.status, describeAnswer(received));
  const own = [...rules.ownInAnswer, 'x-request-id'];
  if (headerOf(wanted.headers, 'date') === undefined) own.push('date');
  const headers = without(received.headers, own);
  const ordered = name === 'server' ? headers : sorted(headers);
  assert.deepEqual(ordered, without(rules.answer(without(wanted.headers, own)), own));
  assert.equal(digest(received.body), digest(wanted.body));
  const interim = received.interim.map(({ status, headers: list }) => ({
    status,
    headers: without(list, ['x-request-id']),
  }));
  assert.deepEqual(interim, wanted.interim);
}

function merge(
  gateway: Expectation | undefined,
  platform: Expectation | undefined,
): Omit<Expectation, 'why'> {
  const seen =
    platform?.seen === 'nothing' || gateway?.seen === 'nothing'
      ? ('nothing' as const)
      : { ...gateway?.seen, ...platform?.seen };
  return { seen, received: { ...gateway?.received, ...platform?.received } };
}

function without(headers: readonly string[], names: readonly string[]): string[] {
  return headers.filter((_, at) => !names.includes((headers[at - (at % 2)] as string).toLowerCase()));
}

function digest(body: Uint8Array | undefined): string {
  const bytes = body ?? new Uint8Array(0);
  return `${bytes.byteLength} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`;
}

function describeAnswer({ status, body }: Received): string {
  return `${status} ${body.toString('latin1', 0, 200)}`;
}
