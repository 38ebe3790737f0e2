// Which addresses are not reached from the internet. Pure.
import { BlockList, isIPv6 } from "node:net";

const PRIVATE = new BlockList();
// RFC 1918, 3927, 4193, 4291 and 6598 (which Tailscale uses).
for (const [net, bits] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
  ["100.64.0.0", 10],
] as const)
  PRIVATE.addSubnet(net, bits, "ipv4");
for (const [net, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  PRIVATE.addSubnet(net, bits, "ipv6");

/** Whether an IP address is loopback, link-local or of a private network. */
export function isPrivate(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  return PRIVATE.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}
