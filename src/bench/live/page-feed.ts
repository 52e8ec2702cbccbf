import { printable } from '../../text/printable.js';
import { outcomeText } from '../report/facts.js';
import { pageContent } from '../report/formats/html.js';
import { capitalized } from '../report/model.js';
import type { JsonReport, JsonResult } from '../report/schema.js';
import { reportDocument } from '../report/sections/document.js';
import { VERDICTS } from '../report/verdict-words.js';
import type { RunObserver } from '../run-observer.js';
import { PageRun, type RunAbout, type TellPage } from './page-run.js';

/** Readers at a time. */
export const MAX_PAGE_READERS = 20;
/** Bytes that may wait for a reader; with more, it is dropped before the next message, and may come back. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** How long the last readers have to take the report before bench ends without them. */
const LAST_MS = 2000;
/** Runs before the present one that the page lists. */
const MAX_EARLIER = 50;

/** The connection of a reader. */
export interface PageOutput {
  /** Bytes that were written and have not been taken yet. */
  readonly waitingBytes: number;
  write(text: Buffer): void;
  /** Ends it; calls back when everything that was written is on its way, or the reader is gone. */
  end(done: () => void): void;
  /** The reader is too slow: its connection is terminated. */
  drop(): void;
}

/** What the readers of a live page are told, as server-sent events (HTML standard, section 9.2). Costs next to nothing without one. */
export class PageFeed {
  readonly #readers = new Set<PageOutput>();
  readonly #earlier: object[] = [];
  #run: PageRun | undefined;
  #report: Buffer | undefined;

  get readers(): number {
    return this.#readers.size;
  }

  /** Tells a reader how the run stands, and what happens from here on. Returns what ends that. */
  follow(output: PageOutput): () => void {
    if (this.#report !== undefined) {
      output.write(this.#report);
      output.end(() => {});
      return () => {};
    }
    const tell: TellPage = (kind, make) => output.write(message(kind, make()));
    output.write(message('earlier', this.#earlier));
    this.#run?.beginTo(tell);
    this.#readers.add(output);
    return () => this.#readers.delete(output);
  }

  /** Begins with a run; returns what observes it. */
  begin(about: RunAbout): RunObserver {
    this.#run = new PageRun(about, (kind, make) => {
      if (this.#readers.size > 0) this.#tellAll(message(kind, make()));
    });
    if (this.#readers.size > 0) this.#run.beginTo((kind, make) => this.#tellAll(message(kind, make())));
    return this.#run;
  }

  /** Adds a run to the list of those that have ended; `position` says which it was. */
  ended(result: JsonResult, position: string): void {
    const { verdict, scenario } = result;
    const { sign, word } = VERDICTS[verdict];
    this.#earlier.push({
      ...{ verdict, sign, word: capitalized(word) },
      name: printable([scenario.name, position].filter((text) => text !== '').join(', ')),
      outcome: printable(outcomeText(result)),
    });
    if (this.#earlier.length > MAX_EARLIER) this.#earlier.shift();
    if (this.#readers.size > 0) this.#tellAll(message('earlier', this.#earlier));
  }

  /** Tells every reader the report, which is the last that they hear. Resolves when they have it, or after two seconds. */
  async finish({ verdict, results, notRun }: JsonReport): Promise<void> {
    const { title, main, charts } = pageContent(verdict, results.map(reportDocument), notRun);
    this.#report = message('report', { title: printable(title), main: main.toString(), charts });
    this.#tellAll(this.#report);
    const left = [...this.#readers];
    this.#readers.clear();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_MS);
    });
    const taken = left.map((output) => new Promise<void>((resolve) => output.end(resolve)));
    await Promise.race([Promise.all(taken), late]);
    clearTimeout(timer);
  }

  #tellAll(text: Buffer): void {
    for (const output of this.#readers) {
      if (output.waitingBytes <= MAX_WAITING_BYTES) {
        output.write(text);
        continue;
      }
      this.#readers.delete(output);
      output.drop();
    }
  }
}

/** One server-sent event. JSON has no line break in it. */
function message(kind: string, data: object): Buffer {
  return Buffer.from(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`);
}
