import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PeerStatus, Status } from '../../tunnel/localapi.ts';
import { findPeer, onlinePeers } from '../../tunnel/peers.ts';
import { peer } from './fake-tailscaled.ts';

const status = statusOf(
  peer('web', '100.64.0.1', { TailscaleIPs: ['100.64.0.1', 'fd7a:115c:a1e0::1'] }),
  peer('router', '100.64.0.2', {
    AllowedIPs: ['100.64.0.2/32', '10.1.0.0/16', '2001:db8::/32'],
    Online: false,
  }),
  peer('exit', '100.64.0.3', { AllowedIPs: ['100.64.0.3/32', '0.0.0.0/0', '::/0'] }),
  { DNSName: 'nowhere.tail.test.', TailscaleIPs: null, AllowedIPs: null, Online: true },
);

const found = [
  ['web', 'web.tail.test', '100.64.0.1'],
  ['WEB.tail.test', 'web.tail.test', '100.64.0.1'],
  ['web.tail.test.', 'web.tail.test', '100.64.0.1'],
  ['100.64.0.1', 'web.tail.test', '100.64.0.1'],
  ['[fd7a:115c:a1e0::1]', 'web.tail.test', '100.64.0.1'],
  ['10.1.2.3', 'router.tail.test', '10.1.2.3'],
  ['2001:db8::5', 'router.tail.test', '2001:db8::5'],
] as const;

for (const [host, name, address] of found) {
  test(`${host} is reached by ${name}, at ${address}`, () => {
    const peer = findPeer(status, host);
    assert.deepEqual([peer?.name, peer?.address], [name, address]);
  });
}

for (const host of ['we', 'web.other.test', '8.8.8.8', '100.64.0.9', 'nowhere', '']) {
  test(`${JSON.stringify(host)} is not a peer`, () => assert.equal(findPeer(status, host), undefined));
}

test('any text at all is looked up without an error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (host) => {
      findPeer(status, host);
    }),
  );
});

test('a tailnet without peers has none', () => {
  assert.equal(findPeer({ BackendState: 'Running', Peer: null }, 'web'), undefined);
});

test('those online can be counted on, up to a number', () => {
  assert.deepEqual(
    onlinePeers(status, 8).map(({ name }) => name),
    ['web.tail.test', 'exit.tail.test'],
  );
  assert.equal(onlinePeers(status, 1).length, 1);
});

function statusOf(...peers: Partial<PeerStatus>[]): Status {
  return {
    BackendState: 'Running',
    Peer: Object.fromEntries(peers.entries()) as unknown as Record<string, PeerStatus>,
  };
}
