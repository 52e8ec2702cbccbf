import { stripVTControlCharacters } from 'node:util';
import { shorten, widthOf } from '../text/wrap.js';
import type { Io } from './io.js';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const ERASE_REST_OF_LINE = '\x1b[K';
const ERASE_BELOW = '\x1b[J';

/** A few lines at the end of stderr that are drawn over and over in the same place. */
export class LiveBlock {
  /** What is on the screen now, without colors. */
  #drawn: readonly string[] = [];
  #forget: (() => void) | undefined;

  constructor(private readonly io: Io) {}

  /** Width that a line may have: the last column is left free, where some terminals wrap already. */
  get columns(): number {
    return Math.max(10, this.#width - 1);
  }

  /** A terminal of unknown size reports 0. */
  get #width(): number {
    return this.io.stderr.columns || 80;
  }

  /**
   * Draws lines in place of those before, and hides the cursor. What is too wide for the terminal is cut off. While the
   * terminal has not taken what was drawn before, there is nothing to draw.
   */
  draw(lines: readonly string[]): void {
    if (this.io.stderr.writableLength > 0) return;
    // A block higher than the screen could not be drawn over: its first lines would be out of reach.
    const shown = lines.slice(0, Math.max(1, (this.io.stderr.rows || 24) - 1)).map((line) => this.#fit(line));
    // The cursor stays on an empty line below: some terminals do not wrap the line that it is on when they become
    // narrower, and how far it is to the top could not be known.
    const text = shown.map((line) => `${line}${ERASE_REST_OF_LINE}\n`).join('');
    this.io.stderr.write(`${this.#hide()}${this.#toTop()}${text}${ERASE_BELOW}`);
    this.#drawn = shown.map(stripVTControlCharacters);
  }

  /** Removes the lines, so that permanent ones can be printed. */
  erase(): void {
    if (this.#drawn.length > 0) this.io.stderr.write(`${this.#toTop()}${ERASE_BELOW}`);
    this.#drawn = [];
  }

  /** Removes the lines and shows the cursor again. Idempotent. */
  close(): void {
    this.erase();
    if (this.#forget === undefined) return;
    this.#forget();
    this.#forget = undefined;
    this.io.stderr.write(SHOW_CURSOR);
  }

  #fit(line: string): string {
    const plain = stripVTControlCharacters(line);
    return widthOf(plain) > this.columns ? shorten(plain, this.columns) : line;
  }

  /** Hides the cursor, once; it is shown again however the process ends. */
  #hide(): string {
    if (this.#forget !== undefined) return '';
    this.#forget = this.io.onExit(() => this.io.stderr.write(SHOW_CURSOR));
    return HIDE_CURSOR;
  }

  /** To the first column of the first line. Where the terminal has become narrower since, it has wrapped them. */
  #toTop(): string {
    if (this.#drawn.length === 0) return '';
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / this.#width)),
      0,
    );
    return `\r\x1b[${rows}A`;
  }
}
