/**
 * The limits that cannot be raised.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and, for the event that a function
 * gets and the answer it gives, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; their exact
 * numbers are in Lambda's own messages (github.com/DataBiosphere/azul/issues/8192 for the answer's).
 */
export const limits = {
  bodyBytes: 10 * 1024 * 1024,
  headBytes: 10_240,
  integrationMs: 30_000,
  authorizerMs: 10_000,
  invokeBytes: 6_291_456,
  answerBytes: 6_291_556,
} as const;
