import type { BroadcastTargeting, WsAuthContext } from './types.js';

/** Texts without the blanks around them, each once; what is empty then, or not a text, is left out. */
function trimmed(values: unknown): Set<string> {
  const texts = Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
  return new Set(texts.map((text: string) => text.trim()).filter((text) => text !== ''));
}

/**
 * Whom a client stands for: its principals, and its actor, which is a `user:` unless it says otherwise. `undefined` for
 * nobody.
 */
export function principalsOf({ actorId, principalIds }: WsAuthContext): ReadonlySet<string> | undefined {
  if (actorId === undefined && principalIds === undefined) return undefined;
  const principals = trimmed(principalIds);
  for (const actor of trimmed([actorId])) principals.add(actor.includes(':') ? actor : `user:${actor}`);
  return principals.size === 0 ? undefined : principals;
}

/** The principals that a broadcast names, sorted. */
export function principalsAsked(targeting: BroadcastTargeting | undefined): readonly string[] {
  return targeting?.affectedPrincipals === undefined ? [] : [...trimmed(targeting.affectedPrincipals)].sort();
}

/** What is needed of a client. */
export interface Member {
  readonly namespace: string;
  readonly serial: number;
  principals: ReadonlySet<string> | undefined;
}

/** The clients of a namespace that have principals. */
interface Audience<Client> {
  readonly byPrincipal: Map<string, Set<Client>>;
  size: number;
}

/** Whom each client stands for. Clients without principals are not in it, and cost nothing. */
export class Principals<Client extends Member> {
  readonly #byNamespace = new Map<string, Audience<Client>>();

  add(record: Client, principals: ReadonlySet<string>): void {
    const audience = this.#byNamespace.get(record.namespace) ?? { byPrincipal: new Map(), size: 0 };
    this.#byNamespace.set(record.namespace, audience);
    record.principals = principals;
    audience.size += 1;
    for (const principal of principals) {
      const records = audience.byPrincipal.get(principal) ?? new Set();
      audience.byPrincipal.set(principal, records.add(record));
    }
  }

  remove(record: Client): void {
    const audience = this.#byNamespace.get(record.namespace);
    if (audience === undefined || record.principals === undefined) return;
    audience.size -= 1;
    if (audience.size === 0) this.#byNamespace.delete(record.namespace);
    for (const principal of record.principals) {
      const records = audience.byPrincipal.get(principal);
      records?.delete(record);
      if (records?.size === 0) audience.byPrincipal.delete(principal);
    }
  }

  /** How many clients of a namespace have principals. */
  sizeOf(namespace: string): number {
    return this.#byNamespace.get(namespace)?.size ?? 0;
  }

  /**
   * The clients of a namespace that stand for any of some principals, each once; safe to iterate while clients come and go.
   *
   * @param lastSerial serial number of the last client that counts.
   */
  *any(namespace: string, principals: Iterable<string>, lastSerial: number): IterableIterator<Client> {
    const byPrincipal = this.#byNamespace.get(namespace)?.byPrincipal;
    const seen: string[] = [];
    for (const principal of principals) {
      for (const record of byPrincipal?.get(principal) ?? []) {
        if (record.serial > lastSerial) break;
        if (!seen.some((one) => record.principals?.has(one))) yield record;
      }
      seen.push(principal);
    }
  }

  /** The clients that stand for a principal, of one namespace or of all. */
  of(principal: string, namespace?: string): Client[] {
    const one = namespace === undefined ? undefined : this.#byNamespace.get(namespace);
    const audiences = namespace === undefined ? this.#byNamespace.values() : one === undefined ? [] : [one];
    return [...audiences].flatMap(({ byPrincipal }) => [...(byPrincipal.get(principal) ?? [])]);
  }

  /** Forgets everybody. */
  clear(): void {
    for (const { byPrincipal } of this.#byNamespace.values())
      for (const records of byPrincipal.values()) records.clear();
    this.#byNamespace.clear();
  }
}
