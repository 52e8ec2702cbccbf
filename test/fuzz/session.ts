import type { Answers } from './answers.js';
import { frame } from './inputs/frames.js';
import { handshake } from './inputs/handshakes.js';
import type { Random } from './random.js';

/** One connection and all that it sends. */
export interface Session {
  /** What it attacks; a summary counts inputs by it. */
  readonly kind: string;
  /** How many hostile inputs are in it. */
  readonly inputs: number;
  /** What is sent first, and must be answered before the rest; left out for none. */
  readonly opening?: Buffer;
  /** The hostile part, in the pieces in which it is written. */
  readonly pieces: readonly Buffer[];
  /** How this end leaves: by half-closing, or with a reset. */
  readonly ending: 'end' | 'reset';
  /** At a server with TLS: where the hostile part goes. Default: all of it is encrypted. */
  readonly tls?: 'never' | 'beneath the opening';
  /** Which requests, counted from 0, are a HEAD. */
  readonly heads?: ReadonlySet<number>;
  /** Whether answers are read only after everything is written. Default false. */
  readonly readsLate?: boolean;
  /** Whether this end leaves at once, without waiting for answers. Default false. */
  readonly leavesAtOnce?: boolean;
  /** Whether everything has been answered. Default: when as many answers have come as there are inputs. */
  isAnswered?(answers: Answers): boolean;
  /** What is wrong with the answers, where it is known what they must be. Asked only when none was missed. */
  problem?(answers: Answers): string | undefined;
}

/** What a generator makes: how the connection ends is chosen for it unless it says so. */
export type SessionDraft = Omit<Session, 'ending'> & Partial<Pick<Session, 'ending'>>;

/** Kinds and how many sessions of a thousand are of each, with what makes them. */
export type Mix = Readonly<Record<string, readonly [share: number, make: (random: Random) => SessionDraft]>>;

/** Makes one session of a mix. */
export function pickSession(random: Random, mix: Mix): Session {
  const kinds = Object.values(mix);
  let ticket = random.below(kinds.reduce((sum, [share]) => sum + share, 0));
  const [, make] = kinds.find(([share]) => {
    ticket -= share;
    return ticket < 0;
  }) as (typeof kinds)[number];
  return { ending: random.chance(0.9) ? 'end' : 'reset', ...make(random) };
}

export function oneInput(kind: string, random: Random, input: Buffer): SessionDraft {
  return { kind, inputs: 1, pieces: split(random, input) };
}

/** The request line and headers of a handshake that is to be let in. */
export type Admission = (random: Random) => readonly string[];

/** Inputs for a connection that has become a WebSocket, or that sends them along with the request to become one. */
export function upgraded(
  kind: string,
  random: Random,
  inputs: readonly Buffer[],
  admission: Admission,
): SessionDraft {
  const opening = Buffer.from(handshake(admission(random)));
  // Behind each input a ping with its number: the last pong says how far the server has come.
  const rest = Buffer.concat(
    inputs.flatMap((input, index) => [
      input,
      frame(random, Buffer.from([index]), { opcode: 0x9, usual: true }),
    ]),
  );
  return random.chance(0.2)
    ? { kind, inputs: inputs.length, pieces: split(random, Buffer.concat([opening, rest])) }
    : { kind, inputs: inputs.length, opening, pieces: split(random, rest) };
}

/** Splits what is sent into a few writes, anywhere. */
export function split(random: Random, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let rest = bytes;
  while (rest.length > 1 && pieces.length < 5 && random.chance(0.3)) {
    const at = random.from(1, rest.length - 1);
    pieces.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...pieces, rest];
}
