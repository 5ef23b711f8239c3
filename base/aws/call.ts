import { type Clock, systemClock } from '../clock.ts';
import { CodedError } from '../coded-error.ts';
import { displayValue } from '../display-value.ts';
import { type CallAnswer, call } from '../http/call.ts';
import { callWithRetries } from '../http/retry.ts';
import { messageOf } from '../message-of.ts';
import { type AwsCredentials, signPost } from './signature.ts';

/** Why a call to AWS failed, as far as callers tell the cases apart. */
export type AwsFailure = 'missing' | 'forbidden' | 'unreachable' | 'misconfigured';

/** A call to AWS without a result. The message says what happened and what to do; it never contains a value. */
export class AwsError extends CodedError {
  readonly failure: AwsFailure;

  constructor(failure: AwsFailure, message: string) {
    super(`aws:${failure}`, message);
    this.failure = failure;
  }
}

export interface AwsOptions {
  /** Credentials, region and endpoints are read from here, by the names that AWS's own SDKs use. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The time for all attempts. Default: the time that three attempts of 3 s take. */
  readonly withinMs?: number;
  /** Dates the signature, limits the attempts and sleeps between them. Default: the machine's clocks. */
  readonly clock?: Clock;
}

export interface AwsCall {
  /** The name in endpoints and signatures, such as `secretsmanager`. */
  readonly service: string;
  /** The part of AWS_ENDPOINT_URL_… that names the service, such as `SECRETS_MANAGER`. */
  readonly endpointVariable: string;
  /** Names in lower case: the headers that the protocol needs besides those of the signature. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Overrides the region of the environment, for a resource named by an ARN. */
  readonly region?: string | undefined;
  /** Reads an answer in the format of the protocol; never throws. */
  readonly read: (answer: CallAnswer) => AwsResult;
}

/** An answer that is not a success, for the caller to explain. */
export interface AwsRefusal {
  readonly status: number;
  /** The type without its namespace, such as `AccessDeniedException`. */
  readonly type: string;
  readonly message: string;
}

export type AwsResult =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly refusal: AwsRefusal };

const attemptMs = 3_000;
const pausesMs = [150, 300];
const maxBytes = 1024 * 1024;
const throttled = /^(Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded)$/;

/**
 * Sends one call to a service of AWS, signed, and tries again when that may help.
 *
 * @throws AwsError when the environment lacks something or AWS did not answer
 */
export async function callAws(
  { service, endpointVariable, headers, body, region: ownRegion, read }: AwsCall,
  { env, withinMs, clock = systemClock }: AwsOptions,
): Promise<AwsResult> {
  const region = ownRegion ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  if (region === undefined || region === '')
    throw new AwsError('misconfigured', 'the region is unknown; set AWS_REGION');
  const credentials = readCredentials(env);
  const endpoint = readEndpoint(service, endpointVariable, region, env);
  const unsigned = { host: endpoint.host, service, region, headers, body };
  const endMs = clock.monotonic() + (withinMs ?? Infinity);
  let attempts = 0;
  function send(timeoutMs: number): Promise<CallAnswer> {
    attempts += 1;
    const signed = signPost(unsigned, credentials, clock.now());
    return call({
      to: endpoint,
      method: 'POST',
      path: '/',
      headers: signed,
      body,
      timeoutMs,
      clock,
      maxBytes,
    });
  }
  function isThrottled(answer: CallAnswer): boolean {
    if (answer.status === 429) return true;
    const result = answer.status >= 400 && answer.status < 500 ? read(answer) : undefined;
    return result?.ok === false && throttled.test(result.refusal.type);
  }
  let failed: string;
  try {
    const answer = await callWithRetries(send, {
      ...{ pausesMs, isThrottled, clock, repeatable: true },
      leftMs: () => endMs - clock.monotonic(),
      ...(withinMs === undefined && { attemptMs }),
    });
    const result = read(answer);
    if (result.ok || (answer.status < 500 && !isThrottled(answer))) return result;
    const { status, type, message } = result.refusal;
    failed = `${status} ${type} ${message}`.trim();
  } catch (error) {
    failed = messageOf(error);
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
function readEndpoint(
  service: string,
  endpointVariable: string,
  region: string,
  env: AwsOptions['env'],
): URL {
  const variable = `AWS_ENDPOINT_URL_${endpointVariable}`;
  const configured = env[variable] || env.AWS_ENDPOINT_URL;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const text = configured || `https://${service}.${region}.${suffix}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  throw new AwsError(
    'misconfigured',
    configured === undefined || configured === ''
      ? `the region is ${JSON.stringify(region)}; set AWS_REGION to one such as eu-west-1`
      : `the endpoint is ${displayValue(text)}; set ${variable} to a URL such as https://HOST`,
  );
}
