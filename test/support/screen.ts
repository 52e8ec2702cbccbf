import { Writable } from 'node:stream';
import xterm from '@xterm/headless';

/** A terminal of some size, as a stream: what is written to it is shown as a real one would. */
export class Screen extends Writable {
  readonly isTTY = true;
  /** Everything that was written, as it was. */
  written = '';
  readonly #terminal: InstanceType<typeof xterm.Terminal>;

  constructor(
    public columns: number,
    public rows = 24,
  ) {
    super({ decodeStrings: false });
    this.#terminal = new xterm.Terminal({ cols: columns, rows, convertEol: true, allowProposedApi: true });
  }

  override _write(text: string, _: string, done: () => void): void {
    this.written += text;
    this.#terminal.write(text);
    done();
  }

  /** Changes the size; what is on it is wrapped anew. */
  resize(columns: number): void {
    this.columns = columns;
    this.#terminal.resize(columns, this.rows);
  }

  /** Lines on the screen and above it, without the empty ones behind the last. */
  async lines(): Promise<string[]> {
    await new Promise<void>((resolve) => this.#terminal.write('', resolve));
    const { buffer } = this.#terminal;
    const lines = Array.from(
      { length: buffer.active.length },
      (_, index) => buffer.active.getLine(index)?.translateToString(true) ?? '',
    );
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /** Whether the cursor can be seen, by what was last said about it. */
  get showsCursor(): boolean {
    return this.written.lastIndexOf('\u001b[?25l') <= this.written.lastIndexOf('\u001b[?25h');
  }
}
