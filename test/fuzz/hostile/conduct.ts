import type { Random } from '../random.js';

/** A token that a client shows to the server of its URL, and that must be seen nowhere else. */
export const SECRET = 'a-secret-that-nobody-else-may-see';

/** What a client has asked. */
export interface Asked {
  /** Request line and headers. */
  readonly head: string;
  readonly body: string;
  /** Where a redirect goes: nobody may follow it. */
  readonly impostor: string;
}

/** What a hostile server does with one request. */
export interface Conduct {
  /** What a summary counts it as. */
  readonly kind: string;
  /** Written one after the other. */
  readonly pieces: readonly Buffer[];
  /** Written again and again after that, for as long as the client bears it. */
  readonly endless?: Buffer;
  /** What it does at last. A connection that is kept takes another request. */
  readonly ending: 'end' | 'reset' | 'hang' | 'keep';
}

/** Kinds of conduct with their shares. */
export type Repertoire = readonly (readonly [
  share: number,
  make: (random: Random, asked: Asked) => Conduct,
])[];

export function chooseConduct(random: Random, repertoire: Repertoire, asked: Asked): Conduct {
  let ticket = random.below(repertoire.reduce((sum, [share]) => sum + share, 0));
  const [, make] = repertoire.find(([share]) => {
    ticket -= share;
    return ticket < 0;
  }) as Repertoire[number];
  return make(random, asked);
}

export function text(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.join('\r\n'), 'utf8');
}

/** An HTTP answer whose length is right. */
export function answer(status: string, body: string | Buffer, ...headers: readonly string[]): Buffer {
  const head = [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${Buffer.byteLength(body)}`, '', ''];
  return Buffer.concat([text(...head), Buffer.from(body)]);
}
