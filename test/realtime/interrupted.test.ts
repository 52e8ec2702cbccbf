import { afterAll, expect, test } from 'vitest';
import { everyReport, expectMarked } from '../support/bench-reports.js';
import { disposeProcesses } from '../support/cli-process.js';
import { canSeeProcesses, untilGone } from '../support/process-tree.js';
import { isWorker, startConnected } from '../support/started-bench.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { WAITING } from '../support/tiny-scenarios.js';

// A run that ends before its time. Each has a minute to be interrupted in, so it matters little when it is.

const { file, folder } = temporaryFolder('interrupted');
afterAll(disposeProcesses);

const waiting = file('waiting.yaml', WAITING);

test.runIf(canSeeProcesses)(
  'SIGINT: what there is so far is reported as aborted in every report, exit 130, and no process is left',
  async () => {
    const reports = everyReport(folder, 'aborted');
    const rules = ['--set', 'expect[1]=steady.open == 20'];
    const { run, children } = await startConnected([waiting, '--workers', '1', ...rules, ...reports.flags]);
    run.kill('SIGINT');
    expect(await run.ended()).toEqual({ code: 130, signal: null });
    const { phases, expectations } = await expectMarked('aborted', run.stdout, reports.read());
    expect(phases.map(({ isFinished }) => isFinished)).toEqual([true, false]);
    const own = expectations.filter(({ implicit }) => implicit !== true);
    expect(own.map(({ passed }) => passed)).toEqual([true, true]);
    await untilGone(children);
  },
);

test.runIf(canSeeProcesses)(
  'the death of one worker: the result is not valid, exit 5, and every report says who died',
  async () => {
    const reports = everyReport(folder, 'crashed');
    const { run, children } = await startConnected([waiting, '--workers', '2', ...reports.flags]);
    const workers = children.filter(isWorker);
    expect(workers).toHaveLength(2);
    const { pid } = workers[1] as (typeof workers)[number];
    process.kill(pid, 'SIGKILL');
    expect(await run.ended()).toEqual({ code: 5, signal: null });
    const { invalidReasons } = await expectMarked('invalid', run.stdout, reports.read());
    expect(invalidReasons).toContainEqual(
      expect.stringMatching(new RegExp(`Worker \\d \\(process ${pid}\\) died with SIGKILL`)),
    );
    await untilGone(children);
  },
);
