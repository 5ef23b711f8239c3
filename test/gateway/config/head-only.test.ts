import assert from 'node:assert/strict';
import test from 'node:test';
import { loadGateway } from '../../../gateway/index.ts';
import { request } from '../../support/gateway.ts';
import { testPorts } from '../../support/ports.ts';

const text = `
services:
  local: { targets: [{ url: http://127.0.0.1:9000 }], transport: direct }
routes:
  github:
    match: { path: /hooks }
    service: local
    plugins:
      webhook: { provider: github, secret: env:A }
      authorize: { allow: "webhook.event == 'push'" }
plugins:
  source-ip: { allow: [192.0.2.0/24] }
`;

test('an authorizer runs what stands before the body and never asks for the secret of a webhook', async () => {
  const asked: string[] = [];
  const secrets = {
    async get(reference: string): Promise<Uint8Array> {
      asked.push(reference);
      return Buffer.from('a secret');
    },
  };
  const ports = testPorts({ secrets });
  const { gateway } = await loadGateway({ file: 'postern.yaml', text }, { ...ports, headOnly: true });
  assert.deepEqual(asked, []);
  assert.equal((await gateway.decide(request({ clientIp: '192.0.2.7' }))).reply, undefined);
  assert.equal((await gateway.decide(request({ clientIp: '198.51.100.7' }))).reply?.code, 'source-ip:denied');
  assert.equal((await gateway.decide(request({ target: '/other' }))).reply?.code, 'gateway:no-route');
  await gateway.close();
});
