import type { ServerResponse } from 'node:http';
import { observers } from '../../../bench/live/observers.js';
import { MAX_PAGE_READERS, PageFeed } from '../../../bench/live/page-feed.js';
import type { RunAbout } from '../../../bench/live/page-run.js';
import { RunMetrics } from '../../../bench/live/run-metrics.js';
import { livePage } from '../../../bench/report/formats/live-page.js';
import type { JsonReport, JsonResult } from '../../../bench/report/schema.js';
import type { RunObserver } from '../../../bench/run-observer.js';
import type { RunFlags } from '../../../options/bench.js';
import { ProblemError, retryAfter } from '../../../server/http/problem.js';
import { type Routes, send } from '../../../server/http/router.js';
import type { Io } from '../../io.js';
import { LivePort } from './port.js';

/** A reader beyond the limit may try again after this. */
const RETRY_MS = 5000;

/** What shows runs to others while they go on: a page, and metrics. */
export class Live {
  readonly #feed = new PageFeed();
  readonly #ports: LivePort[] = [];
  #metrics: RunMetrics | undefined;
  #runs = 0;

  private constructor(private readonly hasMetrics: boolean) {}

  /**
   * Listens where the flags say, and tells the addresses on stderr.
   *
   * @throws {DatafnWsError} `ERR_INVALID_OPTION` when it cannot.
   */
  static async open(
    { live, metricsListen }: Pick<RunFlags, 'live' | 'metricsListen'>,
    io: Io,
  ): Promise<Live> {
    const opened = new Live(metricsListen !== undefined);
    try {
      if (live !== undefined) {
        const port = new LivePort(pageRoutes(opened.#feed), live, '--live');
        io.stderr.write(`live report: ${await opened.#listen(port)}\n`);
      }
      if (metricsListen !== undefined) {
        // Loaded before the run, which that would disturb: prom-client alone takes a tenth of a second.
        const { renderRunMetrics } = await import('../../../bench/live/metrics.js');
        const routes: Routes = {
          '/metrics': {
            async GET(_, response) {
              const { contentType, text } = await renderRunMetrics(opened.#metrics);
              send(response, 200, contentType, text);
            },
          },
        };
        const port = new LivePort(routes, metricsListen, '--metrics-listen');
        io.stderr.write(`metrics: ${await opened.#listen(port)}metrics\n`);
      }
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  /** Shows a run from here on, in place of the one before. Returns what observes it, `screen` included. */
  show(about: RunAbout, screen: RunObserver): RunObserver {
    this.#runs += 1;
    const metrics = this.hasMetrics ? new RunMetrics(about.scenario, this.#runs) : undefined;
    this.#metrics = metrics;
    return observers([screen, this.#feed.begin(about), ...(metrics === undefined ? [] : [metrics])]);
  }

  /** Lists a run among those that have ended. */
  ended(result: JsonResult, position: string): void {
    this.#feed.ended(result, position);
  }

  /** Shows the report. Resolves when every reader has it, or soon after. */
  finish(report: JsonReport): Promise<void> {
    return this.#feed.finish(report);
  }

  /** Stops listening. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#ports.map((port) => port.close()));
  }

  #listen(port: LivePort): Promise<string> {
    this.#ports.push(port);
    return port.listen();
  }
}

function pageRoutes(feed: PageFeed): Routes {
  // Made before the run, which it would disturb.
  const page = livePage();
  return {
    '/': {
      GET(_, response) {
        for (const [name, value] of Object.entries(page.headers)) response.setHeader(name, value);
        send(response, 200, page.headers['content-type'] ?? '', page.html);
      },
    },
    '/events': {
      GET(request, response) {
        if (feed.readers >= MAX_PAGE_READERS) {
          for (const [name, value] of Object.entries(retryAfter(RETRY_MS))) response.setHeader(name, value);
          throw new ProblemError(503, `Expected at most ${MAX_PAGE_READERS} readers, got one more`, {
            fix: 'Close a page that is not needed, and try again.',
          });
        }
        response.writeHead(200, {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
        });
        if (request.method === 'HEAD') response.end();
        else follow(feed, response);
      },
    },
  };
}

function follow(feed: PageFeed, response: ServerResponse): void {
  const leave = feed.follow({
    get waitingBytes() {
      return response.writableLength;
    },
    write: (text) => void response.write(text),
    end(done) {
      response.once('close', done).end(done);
    },
    drop: () => void response.destroy(),
  });
  response.once('close', leave);
}
