import type { Transform } from 'node:stream';
import { createBrotliDecompress, createInflate, createUnzip } from 'node:zlib';
import { JsonSkimmer, type Skimmed } from './json-skimmer.js';

/** The objects of DataFn's requests and answers that have cursors in them. */
const PATHS = new Set(['result', 'result.cursors', 'cursors']);

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createUnzip,
  'x-gzip': createUnzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** What was seen of a body. `unseen` is one that is too long, or encoded in a way that is not known. */
export type Seen = Skimmed | 'unseen' | undefined;

/** Looks at a body as it passes by. It never throws, and never changes what it is given. */
export class BodyView {
  readonly #skimmer = new JsonSkimmer(PATHS);
  #decoder: Transform | undefined;
  #leftBytes: number;
  #isUnseen = false;

  /**
   * @param encoding the Content-Encoding of the body.
   * @param limitBytes how many bytes are looked at, before and after decoding.
   */
  constructor(encoding: string | undefined, limitBytes: number) {
    this.#leftBytes = limitBytes;
    const name = (encoding ?? 'identity').trim().toLowerCase();
    if (name === 'identity') return;
    const decoder = Object.hasOwn(DECODERS, name) ? DECODERS[name]?.() : undefined;
    this.#decoder = decoder;
    if (decoder === undefined) this.#isUnseen = true;
    let decodedBytes = 0;
    decoder?.on('data', (chunk: Buffer) => {
      decodedBytes += chunk.length;
      if (decodedBytes > limitBytes) this.#giveUp();
      else this.#skimmer.write(chunk);
    });
    decoder?.on('error', () => this.#giveUp());
  }

  write(chunk: Buffer): void {
    if (this.#isUnseen) return;
    this.#leftBytes -= chunk.length;
    if (this.#leftBytes < 0) this.#giveUp();
    else if (this.#decoder === undefined) this.#skimmer.write(chunk);
    else this.#decoder.write(chunk);
  }

  /** Calls back with what was seen: at once, unless the body has to be decoded. */
  end(done: (seen: Seen) => void): void {
    const decoder = this.#decoder;
    if (this.#isUnseen || decoder === undefined) {
      done(this.#isUnseen ? 'unseen' : this.#skimmer.end());
      return;
    }
    decoder.once('close', () => done(this.#isUnseen ? 'unseen' : this.#skimmer.end()));
    decoder.end();
  }

  /** Lets go of what it holds. */
  drop(): void {
    this.#giveUp();
  }

  #giveUp(): void {
    this.#isUnseen = true;
    this.#decoder?.destroy();
  }
}
