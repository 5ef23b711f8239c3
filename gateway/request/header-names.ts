import { fieldName } from '../../base/http/field.ts';
import { hopByHop } from '../../base/http/headers.ts';
import { ConfigurationError } from '../../base/schema/configuration-error.ts';

/** One group of headers that a client's request never carries to a target. A name that ends in `*` is a prefix. */
export interface OwnedHeaders {
  readonly what: string;
  readonly names: readonly string[];
}

function kind(what: string, names: string): OwnedHeaders {
  return { what, names: names.trim().split(/\s+/) };
}

/**
 * Headers in which proxies, platforms and login services tell a target who the client is or what it asked for, and headers by
 * which a request overrides its own method or path. docs/configuration.md has the same list.
 *
 * A name is listed for its meaning, not for its origin: headers from senders of webhooks, such as `cf-webhook-auth`,
 * `tailscale-webhook-signature` or `x-amz-sns-message-type`, are forwarded.
 */
export const ownedHeaders: readonly OwnedHeaders[] = [
  kind('written by the gateway or the connection', `host content-length expect x-request-id x-postern-*`),
  kind(
    'where the request comes from',
    `
    forwarded forwarded-for x-forwarded x-forwarded-* x-forward-for x-forwarder-for z-forwarded-for
    client-ip clientip x-client-ip x-clientip x-client-port x-cluster-client-ip true-client-ip x-true-client-ip
    x-real-ip x-real-port x-originating-ip x-proxyuser-ip x-custom-ip-authorization proxy-client-ip wl-proxy-*
    cdn-src-ip cdn-real-ip x-cdn-src-ip ali-cdn-real-ip ar-real-ip eo-connecting-ip do-connecting-ip
    cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 cf-ip* cf-visitor cf-region cf-region-code cf-metro-code
    cf-postal-code cf-timezone cloudfront-*
    fastly-client fastly-client-ip fastly-ssl fastly-ff fastly-temp-xff
    akamai-client-ip akamai-origin-hop x-akamai-edgescape incap-client-ip x-sucuri-clientip x-sucuri-country
    fly-client-ip fly-forwarded-* x-nf-client-connection-ip x-nf-geo
    x-vercel-forwarded-for x-vercel-proxied-for x-vercel-ip-*
    x-azure-clientip x-azure-socketip x-azure-fdid x-ms-adfs-* x-ms-proxy x-ms-forwarded-client-ip
    x-appengine-* x-envoy-* l5d-remote-ip
    x-scheme x-url-scheme x-proto front-end-https x-appservice-proto
    `,
  ),
  kind(
    'who the client is',
    `
    remote-* x-remote-* x-authenticated-* x-consumer-* x-anonymous-consumer x-credential-* x-userinfo
    auth-user auth-mail auth-groups x-auth-request-* x-auth-user x-auth-userid x-auth-username x-auth-email x-auth-name
    x-auth-subject x-auth-groups x-auth-roles x-auth-couchdb-* gap-auth x-jwt-assertion
    x-webauth-* x-authentik-* x-pomerium-* x-vouch-* x-token-subject x-token-user-* ngrok-auth-* teleport-jwt-assertion
    tailscale-user* tailscale-login tailscale-name tailscale-profile-picture tailscale-tailnet tailscale-headers-info
    tailscale-app-capabilities tailscale-funnel-request
    cf-access-* fly-src* l5d-client-id dapr-caller-*
    x-amzn-oidc-* x-amzn-ava-* x-amzn-request-context x-amzn-lambda-context x-amzn-lattice-* x-amzn-vpce-*
    x-goog-authenticated-user-* x-goog-iap-* x-endpoint-api-userinfo x-apigateway-api-userinfo
    x-ms-client-principal* x-ms-token-* ms-aspnetcore-* x-iisnode-* x-istio-attributes
    iv-* sm-user* sm-universalid oam-* osso-* oidc-* cas-* mellon-* shib-* x-shib-*
    `,
  ),
  kind(
    "the client's certificate",
    `
    client-cert client-cert-chain x-client-cert* x-client-verify x-client-dn x-ssl-* ssl-* x-tls-client-* x-mtls-*
    x-amzn-mtls-* x-amzn-tls-* x-arr-* cf-cert-* cf-client-cert-*
    `,
  ),
  kind(
    'what bots and risks a proxy found',
    `
    cf-bot-score cf-threat-score cf-verified-bot cf-ja3-hash cf-ja4 exposed-credential-check x-amzn-waf-*
    akamai-bot akamai-reputation akamai-user-risk x-sigsci-*
    `,
  ),
  kind(
    'another method, path or host than the one asked for',
    `
    x-http-method-override x-http-method x-method-override
    x-original-* x-originating-url x-rewrite-* x-override-url x-waws-unencoded-url x-ms-original-url x-http-destinationurl
    x-host x-http-host-override disguised-host was-default-hostname l5d-dst-override
    script-name x-script-name path-info request-uri
    x-matched-path x-now-route-matches x-invoke-* x-middleware-* x-astro-* x-react-router-*
    x-accel-* x-sendfile-type proxy proxy-host proxy-url
    `,
  ),
];

const listed = ownedHeaders.flatMap(({ names }) => names);
const wholeNames = [...hopByHop, ...listed.filter((name) => !name.endsWith('*'))];
const ownedPrefix = new RegExp(
  `^(?:${listed
    .filter((name) => name.endsWith('*'))
    .map((name) => name.slice(0, -1))
    .join('|')})`,
);

/** Whether targets never get a header with this folded name from a client. */
export type IsTakenAway = (folded: string) => boolean;

/** Adds the headers that the plugins of a configuration own, in any spelling, to those above. */
export function compileTakenAway(owned: readonly string[]): IsTakenAway {
  const names: ReadonlySet<string> = new Set([...wholeNames, ...owned.map(foldName)]);
  return function isTakenAway(folded) {
    return names.has(folded) || ownedPrefix.test(folded);
  };
}

/** A name that servers that fold characters together (CGI, WSGI and PHP) read as itself only. */
export const plainName = /^[A-Za-z0-9-]+$/;

/** For the headers above, which no configuration changes. */
export const isTakenAway: IsTakenAway = compileTakenAway([]);

/** The common name of all spellings that a folding server does not distinguish. */
export function foldName(name: string): string {
  const lower = name.toLowerCase();
  return plainName.test(lower) ? lower : lower.replace(/[^a-z0-9]/g, '-');
}

/**
 * Compiles the names that a route forwards although servers fold them: from the folded form to the spelling in lower case.
 *
 * @throws ConfigurationError with the index of the name
 */
export function compileAllowedHeaders(
  names: readonly string[],
  isTakenAway: IsTakenAway,
): ReadonlyMap<string, string> {
  const allowed = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const folded = foldName(name);
    const problem = problemOf(name, folded, allowed, isTakenAway);
    if (problem !== undefined) throw new ConfigurationError(problem, [index]);
    allowed.set(folded, name.toLowerCase());
  }
  return allowed;
}

function problemOf(
  name: string,
  folded: string,
  known: ReadonlyMap<string, string>,
  isTakenAway: IsTakenAway,
): string | undefined {
  const shown = JSON.stringify(name);
  if (!fieldName.test(name)) return `${shown} is not a valid header name`;
  if (isTakenAway(folded))
    return `${shown} is read as ${folded}, and clients cannot send that header to a target`;
  if (plainName.test(name)) return `${shown} needs no entry: it has only letters, digits and hyphens`;
  if (known.has(folded))
    return `${shown} and ${JSON.stringify(known.get(folded))} are the same name to many servers`;
  return undefined;
}
