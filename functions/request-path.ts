/** What a path holds as it is (RFC 3986 section 3.3); not `%`, because API Gateway has decoded the path. */
const literal = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;

/**
 * Everything else is encoded, except U+FFFD and lone surrogates: they are where API Gateway could not read the bytes,
 * and unchanged they make the gateway refuse the path.
 */
const toEncode = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/\uFFFD\uD800-\uDFFF]+/gu;

/**
 * Returns the path of a request for a request target: without the stage, percent-encoded.
 *
 * - A named stage is always the first segment of rawPath, with custom domains too; `$default` is not
 *   (https://github.com/CodeGenieApp/serverless-express/issues/465).
 * - An HTTP API decodes the path twice before it sends rawPath: `%2F` and `%252F` both come as `/`, `%2525` as `%`; what
 *   follows a `%3F` is cut off, and `%25` before anything but two hex digits gets 400 from API Gateway itself (captured from live APIs:
 *   https://github.com/hotsock/voker, vokerhttp/testdata/ingress-paths.json).
 *
 * So a `%` here is a percent sign and never the start of an encoding, and what API Gateway routed on, what is decided on
 * and what the target sees are one path. What the client wrote as `%2F` cannot be told from `/`.
 */
export function requestPath(rawPath: string, stage: string): string {
  const path = withoutStage(rawPath, stage);
  return literal.test(path) ? path : path.replace(toEncode, encodeURIComponent);
}

function withoutStage(rawPath: string, stage: string): string {
  if (stage === '$default') return rawPath === '' ? '/' : rawPath;
  const prefix = `/${stage}`;
  if (rawPath === prefix) return '/';
  return rawPath.startsWith(`${prefix}/`) ? rawPath.slice(prefix.length) : rawPath;
}
