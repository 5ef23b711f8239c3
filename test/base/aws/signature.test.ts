import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AwsV4Signer } from 'aws4fetch';
import fc from 'fast-check';
import { signPost } from '../../../base/aws/signature.ts';

interface Vector {
  name: string;
  headers: Record<string, string>;
  body: string;
  sessionToken?: string;
  signedHeaders: string;
  signature: string;
}

const suite = JSON.parse(readFileSync(new URL('./signature-vectors.json', import.meta.url), 'utf8')) as {
  accessKeyId: string;
  secretAccessKey: string;
  time: string;
  vectors: Vector[];
};

for (const vector of suite.vectors) {
  test(`a request is signed as AWS's test suite says: ${vector.name}`, () => {
    const headers = signPost(
      {
        host: 'example.amazonaws.com',
        service: 'service',
        region: 'us-east-1',
        headers: vector.headers,
        body: vector.body,
      },
      {
        accessKeyId: suite.accessKeyId,
        secretAccessKey: suite.secretAccessKey,
        sessionToken: vector.sessionToken,
      },
      Date.parse(suite.time),
    );
    assert.equal(
      headers.authorization,
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${vector.signedHeaders}, Signature=${vector.signature}`,
    );
  });
}

test('any body, key and time is signed as another implementation signs it', async () => {
  const word = fc.stringMatching(/^[A-Za-z0-9/+=]{4,40}$/);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        accessKeyId: word,
        secretAccessKey: word,
        sessionToken: fc.option(word, { nil: undefined }),
      }),
      fc.json(),
      fc.constantFrom('secretsmanager', 'ssm'),
      fc.date({ min: new Date('2000-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
      async (credentials, body, service, time) => {
        const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'a.B' };
        const host = `${service}.eu-central-1.amazonaws.com`;
        const ours = signPost(
          { host, service, region: 'eu-central-1', headers, body },
          credentials,
          time.getTime(),
        );
        const signer = new AwsV4Signer({
          method: 'POST',
          url: `https://${host}/`,
          headers,
          body,
          service,
          region: 'eu-central-1',
          datetime: ours['x-amz-date'] as string,
          accessKeyId: credentials.accessKeyId,
          secretAccessKey: credentials.secretAccessKey,
          ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
          allHeaders: true,
        });
        const theirs = await signer.sign();
        assert.equal(ours.authorization, theirs.headers.get('authorization'));
      },
    ),
    { numRuns: 50 },
  );
});
