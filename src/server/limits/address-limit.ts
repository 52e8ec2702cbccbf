import { isIPv6 } from 'node:net';

/** Counts connections by the address that they come from. */
export class AddressLimit {
  readonly #counts = new Map<string, number>();

  /** @param limit connections of one address; one more is refused. */
  constructor(private readonly limit: number) {}

  /** Whether one more connection fits. It counts from here on, until {@link leave}. */
  enter(address: string): boolean {
    const group = groupOf(address);
    const count = this.#counts.get(group) ?? 0;
    if (count >= this.limit) return false;
    this.#counts.set(group, count + 1);
    return true;
  }

  leave(address: string): void {
    const group = groupOf(address);
    const count = (this.#counts.get(group) ?? 0) - 1;
    if (count > 0) this.#counts.set(group, count);
    else this.#counts.delete(group);
  }

  /** How many addresses have a connection. */
  get size(): number {
    return this.#counts.size;
  }
}

/** A host with one IPv6 address has a whole /64 of them (RFC 6177), so that counts as one. */
function groupOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [left = '', right] = (address.split('%', 1)[0] ?? '').split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  // Each part of four digits; an IPv4 part at the end stands for two, and is never among the first four.
  const width = tail.length + (tail.at(-1)?.includes('.') ? 1 : 0);
  const zeros = right === undefined ? 0 : 8 - head.length - width;
  const parts = [...head, ...Array<string>(Math.max(0, zeros)).fill('0'), ...tail];
  return `${parts
    .slice(0, 4)
    .map((part) => Number.parseInt(part, 16).toString(16))
    .join(':')}::/64`;
}
