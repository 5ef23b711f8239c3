import { type Destination, withoutBrackets } from '../../base/net/destination.ts';
import { ConfigurationError } from '../../base/schema/configuration-error.ts';

/** One address of a service, as parsed from its URL. */
export interface Target {
  /** Scheme, host and port: `http://builder.example.ts.net:8080`. */
  readonly origin: string;
  /** Host and port for the target's Host header; the scheme's default port is omitted (RFC 9110 section 7.2). */
  readonly authority: string;
  readonly destination: Destination;
  /** A path before every request's path, without a final slash; usually empty. */
  readonly basePath: string;
  readonly weight: number;
}

/**
 * Parses a target's URL, such as `http://builder.example.ts.net:8080` or `https://10.0.0.5/base`.
 *
 * The URL standard's parser normalizes every spelling of an IPv4 address (short, octal, hexadecimal, decimal).
 *
 * @throws ConfigurationError that says what is wrong with the URL
 */
export function parseTarget(text: string, weight = 1): Target {
  if (!URL.canParse(text)) throw new ConfigurationError('it is not a URL; write http://HOST:PORT');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ConfigurationError('it does not begin with http:// or https://; write http://HOST:PORT');
  if (url.username !== '' || url.password !== '')
    throw new ConfigurationError('it has a user or a password; remove them');
  if (url.search !== '' || url.hash !== '')
    throw new ConfigurationError('it has a query or a fragment; remove them');
  const host = withoutBrackets(url.hostname);
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return Object.freeze({
    origin: url.origin,
    authority: url.host,
    destination: Object.freeze({ host, port }),
    basePath: url.pathname.replace(/\/+$/, ''),
    weight,
  });
}
