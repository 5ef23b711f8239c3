import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';

const fields = {
  time: '$context.requestTimeEpoch',
  id: '$context.requestId',
  source: '$context.identity.sourceIp',
  host: '$context.domainName',
  method: '$context.httpMethod',
  protocol: '$context.protocol',
  status: '$context.status',
  sentBytes: '$context.responseLength',
  ms: '$context.responseLatency',
  forwarderMs: '$context.integrationLatency',
  forwarderStatus: '$context.integrationStatus',
  forwarderError: '$context.integrationErrorMessage',
  authorizer: '$context.authorizer.code',
  authorizerError: '$context.authorizer.error',
  error: '$context.error.message',
};

/**
 * One JSON object for each request that reached the API, also for those that the authorizer refused.
 *
 * Every value is in quotes, and a client cannot write quotes into any of them. The path is left out for that reason: it is decoded
 * first, and whether API Gateway escapes it is not documented, so a client could write its own members into the line. The query
 * may hold credentials. Both functions log the path, escaped, under the same id.
 * Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
 */
export const accessLogFormat = AccessLogFormat.custom(JSON.stringify(fields));

/** The same behind the edge: `source` is CloudFront's address, `viewer` the client's, from the authorizer. */
export const edgeAccessLogFormat = AccessLogFormat.custom(
  JSON.stringify({ ...fields, viewer: '$context.authorizer.source' }),
);
