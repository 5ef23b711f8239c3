/** The eight 16-bit words of an IPv6 address in any spelling, without brackets and zone. @throws TypeError if it is not one */
export function ipv6Words(address: string): readonly number[] {
  // The URL standard's parser writes all groups in hexadecimal, including an embedded IPv4 address.
  const halves = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [left = [], right = []] = halves.map((half) => half.split(':').filter(Boolean));
  const zeros = '0'.repeat(8 - left.length - right.length);
  return [...left, ...zeros, ...right].map((word) => Number(`0x${word}`));
}
