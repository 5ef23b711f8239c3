import { createHmac } from 'node:crypto';

/** How each plugin is configured in the contract suite, and a request that it lets through and one that it does not. */
export interface Sample {
  readonly options: Readonly<Record<string, unknown>>;
  readonly passes: Request;
  /** `never` for a plugin that refuses nothing: it has no refusals and guards nothing. */
  readonly refused: Request | 'never';
  /** For one that authenticates by the body: what it must refuse, or leave to others, before the body is read. */
  readonly decidedByHead?: readonly Request[];
}

export interface Request {
  readonly headers?: readonly string[];
  readonly clientIp?: string;
  readonly method?: string;
  readonly bodySize?: number;
  readonly body?: Uint8Array;
}

/** What every reference to a secret gives in these tests: nothing that is shown may hold it. */
export const secretText = 'hush-2b7e151628aed2a6';

const body = Buffer.from('{"ref":"refs/heads/main"}');
const signature = `sha256=${createHmac('sha256', secretText).update(body).digest('hex')}`;

export const samples: Readonly<Record<string, Sample>> = {
  'source-ip': {
    options: { allow: ['192.0.2.0/24'] },
    passes: { clientIp: '192.0.2.7' },
    refused: { clientIp: '198.51.100.7' },
  },
  'size-limit': {
    options: { max: '1KiB' },
    passes: { bodySize: 1024 },
    refused: { bodySize: 1025 },
  },
  webhook: {
    options: { provider: 'github', secret: ['env:FIRST', 'env:SECOND'] },
    passes: { headers: ['x-hub-signature-256', signature], body },
    refused: { headers: ['x-hub-signature-256', signature], body: Buffer.from('{}') },
    decidedByHead: [
      {},
      { headers: ['x-hub-signature-256', ''] },
      { headers: ['x-hub-signature-256', 'sha256=abc'] },
      { headers: ['x-hub-signature-256', signature, 'x-hub-signature-256', signature] },
    ],
  },
  authorize: {
    options: { allow: "request.method in ['POST', 'PUT']" },
    passes: { method: 'PUT' },
    refused: { method: 'GET' },
  },
  'request-headers': {
    options: { set: { 'x-method': { expression: "request.headers['x-kind']" } }, own: ['x-method'] },
    passes: { headers: ['x-kind', 'push'] },
    refused: {},
  },
  'response-headers': {
    options: {
      set: { 'x-frame-options': 'DENY' },
      add: { 'x-status': { expression: 'string(answer.status)' } },
    },
    passes: {},
    refused: 'never',
  },
};
