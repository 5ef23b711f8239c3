import type { CallAnswer } from '../http/call.ts';
import { parseObject } from '../parse-object.ts';
import { type AwsOptions, type AwsResult, callAws } from './call.ts';

export interface AwsJsonCall {
  /** The name in endpoints and signatures, such as `secretsmanager`. */
  readonly service: string;
  /** The part of AWS_ENDPOINT_URL_… that names the service, such as `SECRETS_MANAGER`. */
  readonly endpointVariable: string;
  /** Such as `secretsmanager.GetSecretValue`. */
  readonly target: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Overrides the region of the environment, for a resource named by an ARN. */
  readonly region?: string | undefined;
}

/**
 * Calls one operation of a service that speaks AWS JSON 1.1.
 *
 * Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 *
 * @throws AwsError like `callAws`
 */
export function callAwsJson(call: AwsJsonCall, options: AwsOptions): Promise<AwsResult> {
  const { target, body, ...rest } = call;
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target };
  return callAws({ ...rest, headers, body: JSON.stringify(body), read: readJson }, options);
}

function readJson({ status, headers, body }: CallAnswer): AwsResult {
  const value = parseObject(body);
  if (status === 200 && value !== undefined) return { ok: true, value };
  const type = String(headers['x-amzn-errortype'] ?? value?.__type ?? '');
  const message = String(value?.message ?? value?.Message ?? '');
  // `com.amazon.coral.service#AccessDeniedException` or `AccessDeniedException:http://…`
  return { ok: false, refusal: { status, type: type.replace(/^.*#/, '').replace(/:.*$/, ''), message } };
}
