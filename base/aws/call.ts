import type { ClientRequest, IncomingMessage } from 'node:http';
import { after, type Clock, systemClock } from '../clock.ts';
import { messageOf } from '../message-of.ts';
import { shown } from '../shown.ts';
import { type AwsCredentials, signPost } from './signature.ts';

/** What went wrong with a call to AWS, as far as whoever asked must tell the cases apart. */
export type AwsFailure = 'missing' | 'forbidden' | 'unreachable' | 'misconfigured';

/** A call to AWS that gave no result. The message says what happened and what to do, never a value. */
export class AwsError extends Error {
  readonly failure: AwsFailure;

  constructor(failure: AwsFailure, message: string) {
    super(message);
    this.name = 'AwsError';
    this.failure = failure;
  }
}

export interface AwsOptions {
  /** Credentials, region and endpoints are read from here, by the names that AWS's own SDKs use. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For one attempt. Default: 3 s. */
  readonly timeoutMs?: number;
  /** Attempts in all, when the service does not answer, throttles or fails. Default: 3. */
  readonly attempts?: number;
  /** Dates the signature, limits the attempts and pauses between them. Default: the machine's clocks. */
  readonly clock?: Clock;
}

export interface AwsCall {
  /** The name in endpoints and signatures, such as `secretsmanager`. */
  readonly service: string;
  /** The part of AWS_ENDPOINT_URL_… that names the service, such as `SECRETS_MANAGER`. */
  readonly endpointVariable: string;
  /** Names in lower case: what the protocol needs beside the signature's own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Overrides the region of the environment, for what is named by an ARN. */
  readonly region?: string | undefined;
  /** Reads an answer as the protocol has it; never throws. */
  readonly read: (answer: AwsAnswer) => AwsResult;
}

/** An answer as it came. */
export interface AwsAnswer {
  readonly status: number;
  /** The header x-amzn-errortype, or nothing. */
  readonly errorType: string;
  readonly text: string;
}

/** An answer that is no success, for the caller to explain. */
export interface AwsRefusal {
  readonly status: number;
  /** The type without its namespace, such as `AccessDeniedException`. */
  readonly type: string;
  readonly message: string;
}

export type AwsResult =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly refusal: AwsRefusal };

const defaults = { timeoutMs: 3_000, attempts: 3 };
const pauseMs = 150;
const maxAnswerBytes = 1024 * 1024;
const throttled = /^(Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded)$/;

/**
 * Sends one call to a service of AWS, signed, and tries again when that may help.
 *
 * @throws AwsError when the environment lacks something or no answer came
 */
export async function callAws(call: AwsCall, options: AwsOptions): Promise<AwsResult> {
  const { env, timeoutMs = defaults.timeoutMs, attempts = defaults.attempts, clock = systemClock } = options;
  const region = call.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  if (region === undefined || region === '')
    throw new AwsError('misconfigured', 'the region is not known; set AWS_REGION');
  const credentials = readCredentials(env);
  const endpoint = readEndpoint(call, region, env);
  const { body } = call;
  const unsigned = {
    host: endpoint.host,
    service: call.service,
    region,
    headers: call.headers,
    body,
  };
  let failed = 'no attempt was made';
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    if (attempt > 1) await clock.sleep(pauseMs * 2 ** (attempt - 2));
    try {
      const answer = await post(
        endpoint,
        signPost(unsigned, credentials, clock.now()),
        body,
        timeoutMs,
        clock,
      );
      const result = call.read(answer);
      if (result.ok) return result;
      const { status, type, message } = result.refusal;
      if (status < 500 && status !== 429 && !throttled.test(type)) return result;
      failed = `${status} ${type} ${message}`.trim();
    } catch (error) {
      failed = messageOf(error);
    }
  }
  throw new AwsError(
    'unreachable',
    `${endpoint.host} did not answer in ${attempts} attempts (${failed}); a function in a VPC needs a NAT gateway or an interface endpoint`,
  );
}

function readCredentials(env: AwsOptions['env']): AwsCredentials {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new AwsError(
      'misconfigured',
      'there are no AWS credentials in the environment; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ' +
        'for example by `aws configure export-credentials --format env`',
    );
  }
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN || undefined,
  };
}

/** Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
function readEndpoint(call: AwsCall, region: string, env: AwsOptions['env']): URL {
  const variable = `AWS_ENDPOINT_URL_${call.endpointVariable}`;
  const configured = env[variable] || env.AWS_ENDPOINT_URL;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const text = configured || `https://${call.service}.${region}.${suffix}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  throw new AwsError(
    'misconfigured',
    configured === undefined || configured === ''
      ? `the region is ${JSON.stringify(region)}; set AWS_REGION to one such as eu-west-1`
      : `the endpoint is ${shown(text)}; set ${variable} to a URL such as https://HOST`,
  );
}

function post(
  endpoint: URL,
  headers: Record<string, string>,
  body: string,
  timeoutMs: number,
  clock: Clock,
): Promise<AwsAnswer> {
  // An import of node:http reads all its exports, and one of them loads the whole of fetch: 25 ms of a cold start.
  const { request } = process.getBuiltinModule(endpoint.protocol === 'https:' ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(
      { host: hostOf(endpoint), port: endpoint.port || undefined, path: '/', method: 'POST', headers },
      (answer) => collect(answer).then(resolve, reject),
    );
    const stopTimer = after(clock, timeoutMs, () =>
      sent.destroy(new Error(`no answer within ${timeoutMs} ms`)),
    );
    sent.on('error', reject).on('close', stopTimer);
    sent.end(body);
  });
}

async function collect(answer: IncomingMessage): Promise<AwsAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxAnswerBytes) throw new Error(`the answer has more than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return {
    status: answer.statusCode ?? 0,
    errorType: String(answer.headers['x-amzn-errortype'] ?? ''),
    text: Buffer.concat(chunks).toString('utf8'),
  };
}

function hostOf(endpoint: URL): string {
  return endpoint.hostname.replace(/^\[(.*)\]$/, '$1');
}
