import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { JointShutdown } from '../../src/workers/joint-shutdown.js';
import type { WorkerProcess } from '../../src/workers/worker-process.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
});

/** A worker by what it is told. */
class FakeWorker {
  readonly told: string[] = [];
  readonly reached = new Set<string>();
  hasClosed = false;

  constructor(readonly isListening = true) {}

  close = (drainMs?: number) => void this.told.push(`close ${drainMs}`);
  pass = (stage: string) => void this.told.push(`pass ${stage}`);
  kill = () => void this.told.push('kill');
}

function started(...workers: FakeWorker[]) {
  const alive = new Set(workers);
  const done: string[] = [];
  const shutdown = new JointShutdown({
    settings: { drainMs: 1000, shutdownTimeoutMs: 5000 },
    workers: alive as unknown as ReadonlySet<WorkerProcess>,
    stopListening: () => void done.push('stopped listening'),
    release: async () => {
      done.push('released');
      return 3;
    },
  });
  const reach = (worker: FakeWorker, stage: 'drained' | 'emptied') =>
    shutdown.reached(worker as unknown as WorkerProcess, stage);
  const end = (worker: FakeWorker, clients: number) => {
    alive.delete(worker);
    shutdown.exited(worker as unknown as WorkerProcess, clients);
  };
  return { shutdown, done, reach, end };
}

test('no worker ends its drain before the others have, and none stops listening before all are empty', () => {
  const [a, b] = [new FakeWorker(), new FakeWorker()];
  const { shutdown, done, reach } = started(a, b);
  shutdown.begin(undefined);
  reach(a, 'drained');
  expect([a.told, b.told]).toEqual([['close undefined'], ['close undefined']]);
  reach(b, 'emptied');
  expect([a.told.at(-1), b.told.at(-1), done]).toEqual(['pass drained', 'pass drained', []]);
  reach(a, 'emptied');
  expect([a.told.at(-1), b.told.at(-1), done]).toEqual([
    'pass emptied',
    'pass emptied',
    ['stopped listening'],
  ]);
});

test('the others go ahead when the worker that they wait for has died, whose clients count as cut', async () => {
  const [a, b] = [new FakeWorker(), new FakeWorker()];
  const { shutdown, done, reach, end } = started(a, b);
  shutdown.begin(0);
  reach(a, 'emptied');
  end(b, 7);
  expect(a.told).toEqual(['close 0', 'pass emptied']);
  shutdown.add({ left: 2, cut: 1 });
  a.hasClosed = true;
  end(a, 9);
  expect(await shutdown.closed).toEqual({ left: 2, cut: 8, goneAway: 3 });
  expect([done[0], done.at(-1)]).toEqual(['stopped listening', 'released']);
});

test('a worker that does not serve yet has no clients, and is killed', () => {
  const [old, young] = [new FakeWorker(), new FakeWorker(false)];
  started(old, young).shutdown.begin(0);
  expect([old.told, young.told]).toEqual([['close 0'], ['kill']]);
});

test('workers that have not ended 3 s after the times of the shutdown are killed', () => {
  const worker = new FakeWorker();
  const { shutdown } = started(worker);
  shutdown.begin(undefined);
  vi.advanceTimersByTime(8999);
  expect(worker.told).toEqual(['close undefined']);
  vi.advanceTimersByTime(1);
  expect(worker.told).toEqual(['close undefined', 'kill']);
});

test('a start that fails kills all workers, and none of them is replaced', () => {
  const [old, young] = [new FakeWorker(), new FakeWorker(false)];
  const { shutdown } = started(old, young);
  shutdown.stopAtOnce();
  expect([old.told, young.told, shutdown.hasBegun]).toEqual([['kill'], ['kill'], true]);
});

test('a worker that shuts down by itself, since it has crashed, waits for nobody', () => {
  const [a, b] = [new FakeWorker(), new FakeWorker()];
  const { shutdown, reach } = started(a, b);
  reach(a, 'drained');
  shutdown.add({ left: 5, cut: 0 });
  expect([a.told, b.told, shutdown.hasBegun]).toEqual([['pass drained'], [], false]);
});
