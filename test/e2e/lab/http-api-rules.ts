// What an HTTP API of API Gateway does, as far as Postern's functions meet it, and who says so. Each rule is proven of the
// emulator by a test that bears its words (http-api-proof.ts).

const guide = 'https://docs.aws.amazon.com/apigateway/latest/developerguide';
const pages = {
  lambda: `${guide}/http-api-develop-integrations-lambda.html`,
  routes: `${guide}/http-api-develop-routes.html`,
  stages: `${guide}/http-api-stages.html`,
  authorizer: `${guide}/http-api-lambda-authorizer.html`,
  quotas: `${guide}/http-api-quotas.html`,
  throttling: `${guide}/http-api-throttling.html`,
  logging: `${guide}/http-api-logging.html`,
  variables: `${guide}/http-api-logging-variables.html`,
  cors: `${guide}/http-api-cors.html`,
  lambdaQuotas: 'https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html',
} as const;

/** The documentation is silent; somebody measured the real thing and wrote it down there. */
function seen(where: string): `seen: ${string}` {
  return `seen: https://github.com/${where}`;
}

/** What seemed most likely, or safest for a test to assume; nothing that Postern relies on may rest on it alone. */
const unproven = 'unproven';

/** The rules of one area, from its words to the page of AWS's documentation that says so, `seen: URL`, or `unproven`. */
export type Rules = Readonly<Record<string, string>>;

export const rules = {
  event: {
    'the event has the fields of payload format 2.0': pages.lambda,
    'header names are lower-case, and the values of a repeated header are joined by commas': pages.lambda,
    'cookies are apart from the headers, each pair an entry': pages.lambda,
    'query parameters are decoded, and the values of a repeated one are joined by commas': pages.lambda,
    'the raw query is as the client sent it': seen('hotsock/voker'),
    'the path is decoded twice, encoded slashes too, and cut at an encoded question mark': seen(
      'hotsock/voker/blob/main/vokerhttp/testdata/ingress-paths.json',
    ),
    'a path whose escapes are broken is refused with 400': seen(
      'hotsock/voker/blob/main/vokerhttp/testdata/ingress-paths.json',
    ),
    'a body is text for text/*, JSON, XML and JavaScript, and base64 for every other type and for none': seen(
      'ministackorg/ministack/pull/766',
    ),
    'a request without a body has none in the event': pages.lambda,
    "the client is added to x-forwarded-for; port, protocol and trace id are the gateway's": seen(
      'logandk/serverless-wsgi/issues/191',
    ),
    'headers of the connection are not handed on': unproven,
    'the source address is that of the connection, whatever a header says': pages.variables,
  },
  route: {
    'the $default stage is served from the base': pages.stages,
    'a named stage is the first segment of the path': pages.stages,
    'rawPath keeps the name of the stage': seen('aws-powertools/powertools-lambda-python/issues/621'),
    'a path of no stage is a 404, and is not logged': pages.routes,
    'a full match goes before a greedy one, and that before $default': pages.routes,
    'a named method goes before ANY, and a longer fixed path before a shorter': unproven,
    "a route's variables are in pathParameters, decoded": pages.routes,
    'no route is a 404': pages.routes,
    'without CORS, OPTIONS goes to its route and no header is added': pages.cors,
  },
  answer: {
    'an answer has the status, the headers and the body that the function gave': pages.lambda,
    'each cookie is a set-cookie of its own': pages.lambda,
    'a base64 body is decoded, whatever its type': seen('ministackorg/ministack/pull/766'),
    'without a content-type the answer is text/plain': seen('aws/aws-lambda-dotnet/pull/1903'),
    'valid JSON without a statusCode is the body of a 200 of type application/json': pages.lambda,
    'an answer of another form is a 500': unproven,
    'the length is counted by the gateway': unproven,
    '204 and HEAD have no body': unproven,
    'a function that fails is a 500, and says nothing of why': seen('denoland/deno_registry2/issues/87'),
    "a function that outlasts the integration's time is a 503": seen('serverless/serverless/issues/11222'),
    'an answer of more than 6 MB is a 500': pages.lambdaQuotas,
    'every answer to a request of the stage names it in apigw-requestid': unproven,
  },
  limit: {
    'a body of more than 10 MB is refused with 413': pages.quotas,
    'an event of more than 6 MB is refused with 413': pages.lambdaQuotas,
    'more than 10,240 bytes of request line and header values are refused with 431': pages.quotas,
    'integrations have 30 s and authorizers 10 s': pages.quotas,
    'requests over the rate and the burst are refused with 429': pages.throttling,
    'a refused request costs no call of a function': unproven,
    'each route has its own bucket': unproven,
  },
  authorizer: {
    'isAuthorized true lets through, false is a 403': pages.authorizer,
    'an error, a time-out or an answer of another form is a 500': pages.authorizer,
    "it sees the head of the request with the route's ARN, and no body": pages.authorizer,
    "its context is the function's requestContext.authorizer.lambda": pages.lambda,
    'without one of its identity sources the answer is 401, and it is not asked': pages.authorizer,
    'names of headers are compared without case, those of parameters with it': pages.authorizer,
    'a decision counts for the same identity until its time is over, on every route': pages.authorizer,
    'a refusal is remembered as an admission is': pages.authorizer,
    '$context.routeKey among the sources makes decisions those of a route': pages.authorizer,
    '$context.identity.sourceIp remembers by address': pages.authorizer,
    'without identity sources nothing is remembered': pages.authorizer,
    'a failure is not remembered': seen('ministackorg/ministack/pull/1370'),
  },
  log: {
    'each variable of the format is replaced by its value': pages.variables,
    'what has no value is a hyphen': seen('DataBiosphere/azul/issues/8192'),
    'requests that were refused are logged too': pages.logging,
    "the authorizer's context is there, of refusals too": unproven,
    'a format of more than 3 KB is not taken': pages.quotas,
  },
} as const satisfies Readonly<Record<string, Rules>>;
