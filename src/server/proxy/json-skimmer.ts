/** A value that is kept: texts, numbers, `true`, `false` and `null`, but no objects and arrays. */
export type Scalar = string | number | boolean | null;

/** The scalars of the objects that were asked for, by path and name: `skimmed.get('result')?.get('cursor')`. */
export type Skimmed = ReadonlyMap<string, ReadonlyMap<string, Scalar>>;

/** Bytes of a name or value that is kept; a longer one counts as `null`. */
const MAX_SCALAR_BYTES = 512;
/** Members of one object that are kept. */
const MAX_MEMBERS = 2000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const SPACE = 0x20;

/** What may come next in an object that is kept. */
type Position = 'first name' | 'name' | 'colon' | 'value' | 'end';

/**
 * Reads a few scalars out of JSON as its bytes pass by, in memory that does not depend on their number: a response of
 * megabytes is never held, nor parsed in one go. What it passes over is only looked at for where it ends.
 */
export class JsonSkimmer {
  readonly #kept = new Map<string, Map<string, Scalar>>();
  /** The open objects and arrays, outermost first: the path of one that is kept, `undefined` for others. */
  readonly #open: (string | undefined)[] = [];
  #position: Position = 'first name';
  #name = '';
  #isInString = false;
  /** Backslashes in a row at the end of what has come of a string. */
  #backslashes = 0;
  /** The string or literal that is being kept, in pieces. */
  #pieces: Buffer[] | undefined;
  #pieceBytes = 0;
  #isLiteral = false;
  #isBroken = false;

  /** @param paths of objects to keep the scalars of, such as `result.cursors`; the outermost is `''`. */
  constructor(private readonly paths: ReadonlySet<string>) {}

  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#isBroken)
      at = this.#isInString ? this.#readString(chunk, at) : this.#readByte(chunk, at);
  }

  /** What was read; `undefined` where it was not one JSON object. */
  end(): Skimmed | undefined {
    return this.#isBroken || this.#open.length > 0 || this.#kept.size === 0 ? undefined : this.#kept;
  }

  get #path(): string | undefined {
    return this.#open.at(-1);
  }

  #readByte(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    switch (byte) {
      case QUOTE:
        this.#endLiteral();
        this.#beginString();
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.#endLiteral();
        this.#enter(byte === OPEN_OBJECT);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        this.#endLiteral();
        this.#leave(byte === CLOSE_OBJECT);
        break;
      case COLON:
      case COMMA:
        this.#endLiteral();
        this.#separate(byte === COLON);
        break;
      default:
        if (byte > SPACE) this.#readLiteral(chunk, at);
        else this.#endLiteral();
    }
    return at + 1;
  }

  #beginString(): void {
    const path = this.#path;
    if (path !== undefined) {
      if (this.#position === 'colon' || this.#position === 'end') {
        this.#break();
        return;
      }
      this.#pieces = [];
      this.#pieceBytes = 0;
    } else if (this.#open.length === 0) {
      this.#break();
      return;
    }
    this.#isInString = true;
    this.#backslashes = 0;
  }

  #readString(chunk: Buffer, start: number): number {
    let at = start;
    for (;;) {
      const quote = chunk.indexOf(QUOTE, at);
      const end = quote === -1 ? chunk.length : quote;
      let first = end;
      while (first > at && chunk[first - 1] === BACKSLASH) first -= 1;
      const inRow = end - first + (first === at ? this.#backslashes : 0);
      if (quote !== -1 && inRow % 2 === 1) {
        this.#backslashes = 0;
        at = quote + 1;
        continue;
      }
      this.#keep(chunk, start, end);
      if (quote === -1) {
        this.#backslashes = inRow;
        return end;
      }
      this.#isInString = false;
      if (this.#path !== undefined) this.#endString();
      return quote + 1;
    }
  }

  #endString(): void {
    const text = this.#taken('"');
    if (this.#isBroken) return;
    if (this.#position === 'value') this.#store(text);
    else {
      this.#name = String(text);
      this.#position = 'colon';
    }
  }

  #readLiteral(chunk: Buffer, at: number): void {
    if (this.#open.length === 0) {
      this.#break();
      return;
    }
    if (this.#path === undefined) return;
    if (!this.#isLiteral) {
      if (this.#position !== 'value') {
        this.#break();
        return;
      }
      this.#isLiteral = true;
      this.#pieces = [];
      this.#pieceBytes = 0;
    }
    this.#keep(chunk, at, at + 1);
  }

  #endLiteral(): void {
    if (!this.#isLiteral) return;
    this.#isLiteral = false;
    const value = this.#taken('');
    if (!this.#isBroken) this.#store(value);
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    if (this.#pieces === undefined) return;
    this.#pieceBytes += end - start;
    if (this.#pieceBytes <= MAX_SCALAR_BYTES) this.#pieces.push(chunk.subarray(start, end));
    else this.#pieces = [];
  }

  #taken(quote: string): Scalar {
    const pieces = this.#pieces ?? [];
    this.#pieces = undefined;
    if (this.#pieceBytes > MAX_SCALAR_BYTES) return null;
    try {
      return JSON.parse(`${quote}${Buffer.concat(pieces)}${quote}`);
    } catch {
      this.#break();
      return null;
    }
  }

  /** The last of several members of one name counts, as with `JSON.parse`. */
  #store(value: Scalar): void {
    const path = this.#path as string;
    this.#forget(this.#child);
    const members = this.#kept.get(path);
    if (members !== undefined && (members.size < MAX_MEMBERS || members.has(this.#name)))
      members.set(this.#name, value);
    this.#position = 'end';
  }

  /** The path of the member that is being read, where an object there is kept. */
  get #child(): string | undefined {
    const name = this.#name;
    if (name === '' || name.includes('.')) return undefined;
    const path = this.#path === '' ? name : `${this.#path}.${name}`;
    return this.paths.has(path) ? path : undefined;
  }

  #forget(path: string | undefined): void {
    if (path === undefined) return;
    for (const known of this.#kept.keys())
      if (known === path || known.startsWith(`${path}.`)) this.#kept.delete(known);
  }

  #enter(isObject: boolean): void {
    const path = this.#path;
    if (this.#open.length === 0) {
      // A second value, or one that is no object.
      if (this.#kept.size > 0 || !isObject) {
        this.#break();
        return;
      }
      this.#begin('');
      return;
    }
    if (path === undefined) {
      this.#open.push(undefined);
      return;
    }
    if (this.#position !== 'value') {
      this.#break();
      return;
    }
    const child = this.#child;
    this.#forget(child);
    this.#kept.get(path)?.delete(this.#name);
    if (isObject && child !== undefined) this.#begin(child);
    else this.#open.push(undefined);
  }

  #begin(path: string): void {
    this.#kept.set(path, new Map());
    this.#open.push(path);
    this.#position = 'first name';
  }

  #leave(isObject: boolean): void {
    const path = this.#open.pop();
    if (path !== undefined && !isObject) {
      this.#break();
      return;
    }
    if (path === undefined && this.#open.length === 0) {
      this.#break();
      return;
    }
    if (path !== undefined && this.#position !== 'end' && this.#position !== 'first name') this.#break();
    this.#position = 'end';
  }

  #separate(isColon: boolean): void {
    if (this.#open.length === 0) {
      this.#break();
      return;
    }
    if (this.#path === undefined) return;
    if (this.#position !== (isColon ? 'colon' : 'end')) {
      this.#break();
      return;
    }
    this.#position = isColon ? 'value' : 'name';
  }

  #break(): void {
    this.#isBroken = true;
  }
}
