import { PassThrough, Writable } from 'node:stream';
import { Live } from '../../src/cli/bench/live/live.js';
import type { Io } from '../../src/cli/io.js';

const opened = new Set<Live>();

/** What shows runs, listening on free ports of this machine. */
export interface OpenedLive {
  readonly live: Live;
  /** Of the page, with a slash at its end. */
  readonly url: string;
  readonly metricsUrl: string;
  readonly stderr: string;
}

/** Opens it in this process, at other hosts if the test says so. */
export async function openedLive({ host = '127.0.0.1' } = {}): Promise<OpenedLive> {
  let stderr = '';
  const io: Io = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new Writable({
      write(chunk, _, done) {
        stderr += chunk;
        done();
      },
    }),
    env: {},
    onStop: () => () => {},
    onReload: () => () => {},
    onStrayError: () => () => {},
    waitForReaders: () => {},
    onExit: () => () => {},
  };
  const address = { host, port: 0 };
  const live = await Live.open({ live: address, metricsListen: address }, io);
  opened.add(live);
  const [, url = '', metricsUrl = ''] = /^live report: (\S+)\nmetrics: (\S+)\n$/.exec(stderr) ?? [];
  return { live, url, metricsUrl, stderr };
}

/** Closes what the helper opened. For `afterEach`. */
export async function closeLive(): Promise<void> {
  await Promise.all([...opened].map((live) => live.close()));
  opened.clear();
}
