import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

export interface TailscaleIssuerProps {
  /** Holds the OAuth client as JSON: `{"clientId": "…", "clientSecret": "…"}`. Its scope is `auth_keys`, its tags those of the key. */
  readonly oauthClient: ISecret;
}

export interface HeadscaleIssuerProps {
  /** Where Headscale answers, such as https://headscale.example.com. */
  readonly url: string;
  /** Holds only the API key, or JSON: `{"apiKey": "…"}`. */
  readonly apiKey: ISecret;
}

/** Who makes the auth keys: Tailscale's service or your own Headscale. */
export class TailnetKeyIssuer {
  /** Keys of Tailscale's service, made with an OAuth client. */
  static tailscale({ oauthClient }: TailscaleIssuerProps): TailnetKeyIssuer {
    return new TailnetKeyIssuer('tailscale', undefined, oauthClient);
  }

  /** Keys of a Headscale. */
  static headscale({ url, apiKey }: HeadscaleIssuerProps): TailnetKeyIssuer {
    return new TailnetKeyIssuer('headscale', url, apiKey);
  }

  readonly kind: 'tailscale' | 'headscale';
  /** The control server; undefined is Tailscale's own. */
  readonly controlUrl: string | undefined;
  /** The credentials of the rotation. */
  readonly credentials: ISecret;

  private constructor(kind: 'tailscale' | 'headscale', controlUrl: string | undefined, credentials: ISecret) {
    this.kind = kind;
    this.controlUrl = controlUrl;
    this.credentials = credentials;
  }
}
