import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parseListenAddress } from '../../server/address.ts';

const read = [
  ['127.0.0.1:8080', '127.0.0.1', 8080],
  ['0.0.0.0:0', '0.0.0.0', 0],
  ['localhost:65535', 'localhost', 65_535],
  ['[::1]:8080', '::1', 8080],
  ['[::]:443', '::', 443],
  ['[::ffff:127.0.0.1]:80', '::ffff:127.0.0.1', 80],
] as const;
for (const [text, host, port] of read) {
  test(`${text} is an address to listen on`, () => {
    assert.deepEqual(parseListenAddress(text), { host, port });
    assert.equal(formatAddress({ host, port }), text);
  });
}

const refused = [
  ['8080', /name the host too: 127\.0\.0\.1:8080/],
  [':8080', /name the host: 127\.0\.0\.1:8080 for this machine only, 0\.0\.0\.0:8080 for everyone/],
  ['', /add a port: 127\.0\.0\.1:8080/],
  ['localhost', /add a port: localhost:8080/],
  ['::1', /write an IPv6 address in brackets and add a port: \[::1\]:8080/],
  ['[::1]', /write an IPv6 address in brackets: \[::1\]:8080/],
  ['fe80::1:8080:x', /brackets/],
  ['[127.0.0.1]:80', /brackets hold an IPv6 address/],
  ['127.0.0.1:65536', /a port is a number from 0 to 65535/],
  ['127.0.0.1:http', /a port is a number from 0 to 65535/],
  ['127.0.0.1:-1', /a port is a number from 0 to 65535/],
  ['127.0.0.1:', /a port is a number from 0 to 65535/],
  ['127.0.0.256:80', /the host is not an IPv4 address/],
  ['127.1:80', /the host is not an IPv4 address/],
  ['http://localhost:80', /write HOST:PORT without a scheme/],
  ['a b:80', /the host has a character that no name has/],
] as const;
for (const [text, hint] of refused) {
  test(`${JSON.stringify(text)} is refused with a hint`, () => {
    assert.throws(
      () => parseListenAddress(text),
      (error: Error) =>
        error.message.startsWith(`${JSON.stringify(text)} is not HOST:PORT; `) && hint.test(error.message),
    );
  });
}
