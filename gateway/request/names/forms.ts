import { normalizeIp } from '../../../base/net/address.ts';
import {
  characters,
  type Form,
  type Never,
  quote,
  textForm,
  type Where,
  writeText,
} from '../../expression/forms.ts';
import { foldName, type IsTakenAway } from '../header-names.ts';
import { parseAuthority } from '../host.ts';
import { canonicalize } from '../path.ts';

export const methodForm = textForm(characters('a method', /[^-A-Z]/, (text) => text.toUpperCase()));

/** The names of headers, of which the configuration takes some away from every client's request. */
export function headerNameForm(isTakenAway: IsTakenAway): Form {
  return textForm(characters('the name of a header', /[^-0-9a-z]/, foldName), function wholeName(literal) {
    if (!isTakenAway(literal)) return undefined;
    return {
      message: `the header ${quote(literal)} contains whatever the client wrote, and targets never get it`,
      hint: 'source.ip, request.host, request.method, request.path and request.size come from the gateway itself',
      seldom: true,
    };
  });
}

function otherHost(literal: string): string | undefined {
  if (literal.startsWith('*.'))
    return `write request.host.endsWith(${quote(literal.slice(1).toLowerCase())})`;
  const ip = normalizeIp(literal);
  return ip === undefined ? undefined : writeText(`[${ip}]`);
}

const hostCharacters = characters('request.host', /[^-a-z0-9_.:[\]]/, (text) => text.toLowerCase());

export const hostForm = textForm(
  function partOfHost(literal, where) {
    // Only an IPv6 address has colons, and it ends with a bracket.
    const port = literal.includes(':') && /[-g-z_.]/.test(literal);
    if (!port && !(where === 'endsWith' && /\.$|:[0-9]*$/.test(literal))) return hostCharacters(literal);
    const better = literal.replace(/(?:\.|:[0-9]*)$/, '');
    return {
      message: `request.host has no port and no final dot, so it never has ${quote(literal)}`,
      hint: better === '' || better === literal ? undefined : writeText(better),
    };
  },
  function wholeHost(literal) {
    const host = parseAuthority(literal)?.host;
    if (host === literal) return undefined;
    return {
      message: `request.host is never ${quote(literal)}: it is in lower case, without port and final dot`,
      hint: host === undefined ? otherHost(literal) : writeText(host),
    };
  },
);

const addressCharacters = characters('an address', /[^0-9a-f.:]/, (text) => text.toLowerCase());

export const addressForm = textForm(
  function partOfAddress(literal, where) {
    const zeros = where === 'startsWith' ? /(?:^|[.:])0+(?=[0-9a-f])/ : /[.:]0+(?=[0-9a-f])/;
    if (/:.*\.|\..*:/.test(literal))
      return { message: `an address never contains both : and . like ${quote(literal)}` };
    if (!zeros.test(literal)) return addressCharacters(literal);
    return {
      message: `an address has no leading zeros like ${quote(literal)}`,
      hint: writeText(literal.replace(/(?<=^|[.:])0+(?=[0-9a-f])/g, '')),
    };
  },
  function wholeAddress(literal) {
    const ip = normalizeIp(literal);
    if (ip === literal) return undefined;
    if (ip !== undefined)
      return { message: `an address is never written as ${quote(literal)}`, hint: writeText(ip) };
    const hint = literal.includes('/') ? `for ranges write ip_in(source.ip, [${quote(literal)}])` : undefined;
    return { message: `${quote(literal)} is not an address`, hint };
  },
);

const pathCharacters = characters(
  'request.path',
  /[^-A-Za-z0-9._~!$&'()*+,;=:@/%]|%(?![0-9A-F]{2})/,
  (text) => text.replace(/%[0-9a-fA-F]{2}/g, (encoding) => encoding.toUpperCase()),
);

/** A character that a path may contain literally is never encoded. An encoding that is cut off at the end may continue. */
function pathPart(text: string, where: Where): Never | undefined {
  const literal = where === 'endsWith' ? text : text.replace(/%[0-9A-F]?$/, '');
  const decoded = literal.replace(/%[0-9A-Fa-f]{2}/g, function decodeLiteral(encoding) {
    const character = String.fromCharCode(Number.parseInt(encoding.slice(1), 16));
    return /[-A-Za-z0-9._~!$&'()*+,;=:@]/.test(character) ? character : encoding;
  });
  if (decoded === literal) return pathCharacters(literal);
  return { message: `request.path never contains ${quote(literal)}`, hint: writeText(decoded) };
}

function onlyAllowed(literal: string, needs: readonly string[]): Never {
  const allowances = needs.map(quote).join(', ');
  return {
    message: `request.path is ${quote(literal)} only where the route's pathAllows has ${allowances}`,
    seldom: true,
  };
}

export const pathForm: Form = {
  whole(literal) {
    if (typeof literal !== 'string') return undefined;
    const target = canonicalize(
      literal.replace(/[^!-~]+/g, (text) => encodeURIComponent(text.toWellFormed())),
    );
    const path = 'path' in target ? target.path : undefined;
    if (path === literal)
      return 'needs' in target && target.needs.length > 0 ? onlyAllowed(literal, target.needs) : undefined;
    const query = literal.includes('?') ? 'request.path has no query; see request.query' : undefined;
    const slash = literal.startsWith('/') ? undefined : 'a path begins with /';
    const hint = query ?? slash ?? (path === undefined ? undefined : writeText(path));
    return { message: `request.path is never ${quote(literal)}`, hint };
  },
  part(literal, where) {
    if (where === 'startsWith' && literal !== '' && !literal.startsWith('/'))
      return { message: `request.path never begins with ${quote(literal)}`, hint: 'a path begins with /' };
    return pathPart(literal, where);
  },
};
