/** A client that is connected, as `GET /v1/clients` lists it. */
export interface ConnectedClient {
  /** Unique in a server, its workers included, and in its cluster. */
  readonly id: string;
  readonly namespace: string;
  /** What it stands for, if anything. */
  readonly principals?: readonly string[] | undefined;
  /** From its last hello. */
  readonly clientId?: string | undefined;
  readonly remoteAddress?: string | undefined;
  /** When it was admitted (RFC 3339). */
  readonly since: string;
  /** Milliseconds since then. */
  readonly connectedMs: number;
  /** The newest cursor that it was handed, or before the first the highest that its hello named. */
  readonly heard?: string | undefined;
  /** The newest cursor of its namespace, where the server remembers it. */
  readonly newest?: string | undefined;
  /** How long its last pong took. */
  readonly pongMs?: number | undefined;
  /** Bytes that it has not read yet. */
  readonly bytesWaiting: number;
}

/** Which clients to list. */
export interface ClientQuery {
  /** Left out: of all namespaces. */
  readonly namespace?: string | undefined;
  /** The last of the page before this one. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** A page of clients. */
export interface ClientList {
  /** Clients of all pages. */
  readonly total: number;
  /** In order of their ids. */
  readonly clients: readonly ConnectedClient[];
  /** Where the next page begins: its `after`. Left out on the last page. */
  readonly next?: string | undefined;
}

/** How the connections of a process are numbered: no two workers of a server give the same number. */
export interface ConnectionNumbers {
  readonly first: number;
  readonly step: number;
}

/** The number in the id of a client; NaN for a text that is not an id. */
export function numberOf(id: string): number {
  return Number(/^(?:[\da-z]+-)?([1-9]\d{0,15})$/.exec(id)?.[1]);
}

/** A page out of clients in order of their ids. */
export function pageOf<Client>(
  clients: Iterable<Client>,
  { after, limit }: Pick<ClientQuery, 'after' | 'limit'>,
  numberOfClient: (client: Client) => number,
): { total: number; page: Client[]; hasMore: boolean } {
  const last = after === undefined ? 0 : numberOf(after);
  const page: Client[] = [];
  let total = 0;
  let later = 0;
  for (const client of clients) {
    total += 1;
    if (numberOfClient(client) <= last) continue;
    later += 1;
    if (page.length < limit) page.push(client);
  }
  return { total, page, hasMore: later > page.length };
}
