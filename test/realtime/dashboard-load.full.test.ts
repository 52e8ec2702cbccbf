import type { Page } from 'playwright-core';
import { afterAll, afterEach, describe, expect } from 'vitest';
import { inBrowser } from '../support/chromium.js';
import { disposeProcesses, startServe } from '../support/cli-process.js';
import { closeDashboards, openDashboard, picture, untilText } from '../support/dashboard-page.js';
import { postCursors } from '../support/http-call.js';
import { openMany, type RawClient } from '../support/raw-client.js';

const clients: RawClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.destroy()));
  await disposeProcesses();
});
afterAll(closeDashboards);

const CLIENTS = 10_000;
const PER_SECOND = 2000;
const EVERY_MS = 20;
const MAX_BATCH = 5000;
/** The longest that a frame may take. */
const FRAME_MS = 100;
const ATTEMPTS = 5;

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** The longest tasks of the page's own thread in a trace of Chromium, in milliseconds: by CPU, and by the clock. */
function longestTasks(trace: Buffer) {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const mains = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) =>
      ph === 'X' && name.endsWith('RunTask') && mains.some((main) => main.pid === pid && main.tid === tid),
  );
  const most = (key: 'dur' | 'tdur') => Math.max(...tasks.map((task) => task[key] ?? 0)) / 1000;
  return { tasks: tasks.length, cpuMs: most('tdur'), wallMs: most('dur') };
}

interface Figures extends ReturnType<typeof longestTasks> {
  readonly attempt: number;
  readonly frames: number;
  readonly medianFrameMs: number;
  readonly longestFrameMs: number;
}

/** The frames of five seconds; if one was long, those of the best of several: another program may have had the machine. */
async function measured(page: Page): Promise<Figures> {
  const browser = page.context().browser();
  let best: Figures | undefined;
  let cpuMs = 0;
  for (let attempt = 0; attempt < ATTEMPTS && (best?.longestFrameMs ?? FRAME_MS) >= FRAME_MS; attempt++) {
    await browser?.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] });
    const gaps = (await page.evaluate(`new Promise((resolve) => {
      const gaps = [];
      let last = performance.now();
      const end = last + 5000;
      const frame = (now) => {
        gaps.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(frame);
        else resolve(gaps);
      };
      requestAnimationFrame(frame);
    })`)) as number[];
    const tasks = longestTasks((await browser?.stopTracing()) as Buffer);
    cpuMs = Math.max(cpuMs, tasks.cpuMs);
    gaps.sort((a, b) => a - b);
    const longestFrameMs = gaps.at(-1) as number;
    if (longestFrameMs < (best?.longestFrameMs ?? Number.POSITIVE_INFINITY))
      best = {
        ...tasks,
        attempt: attempt + 1,
        frames: gaps.length,
        medianFrameMs: gaps[gaps.length >> 1] as number,
        longestFrameMs,
      };
  }
  return { ...(best as Figures), cpuMs };
}

describe('the dashboard under load', () => {
  inBrowser(
    'no frame takes 100 ms, in any view, with 10,000 clients and 2,000 events per second',
    async () => {
      const { wsUrl, apiUrl } = await startServe([
        '--max-connections-per-namespace',
        '1000',
        '--log-level',
        'silent',
      ]);
      const namespaces = Array.from({ length: 100 }, (_, index) => `tenant:${index}`);
      for (let opened = 0; opened < CLIENTS; opened += 1000) {
        const tokens = Array.from({ length: 1000 }, (_, index) => namespaces[index % 100] as string);
        clients.push(...(await openMany(wsUrl, tokens)));
      }
      const { page, show } = await openDashboard(apiUrl);
      await untilText(page, '#summary', '10,000 clients');
      // One event is one broadcast. A namespace without clients, so that it is the page that is measured.
      let isOver = false;
      let cursor = 0;
      const startedAtMs = performance.now();
      const emitting = (async () => {
        while (!isOver) {
          // As many as are due by now, so that a slow answer costs none of the rate.
          const due = ((performance.now() - startedAtMs) / 1000) * PER_SECOND - cursor;
          const items = Array.from({ length: Math.min(MAX_BATCH, Math.ceil(due)) }, () => ({
            namespace: `quiet:${cursor % 7}`,
            cursor: String(++cursor),
          }));
          if (items.length > 0) await postCursors(apiUrl, items);
          await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
        }
      })();
      const figures: Record<string, Figures> = {};
      for (const view of ['live', 'clients', 'namespaces', 'server'] as const) {
        await show(view);
        if (view === 'clients') await untilText(page, '#clients-note', '10,000 clients');
        figures[view] = await measured(page);
        await picture(page, `load-${view}`);
        if (view === 'clients') {
          await page.locator('#clients-list').evaluate((list) => {
            list.scrollTop = 200_000;
          });
          await untilText(page, '#clients-list .row', /#5\d\d\d/);
        }
      }
      const perSecond = cursor / ((performance.now() - startedAtMs) / 1000);
      isOver = true;
      await emitting;
      process.stderr.write(`${JSON.stringify({ perSecond, figures })}\n`);
      expect(perSecond).toBeGreaterThan(PER_SECOND * 0.9);
      for (const [view, { tasks, cpuMs, longestFrameMs, medianFrameMs }] of Object.entries(figures)) {
        expect(tasks, view).toBeGreaterThan(100);
        expect(medianFrameMs, view).toBeLessThan(50);
        expect(longestFrameMs, view).toBeLessThan(FRAME_MS);
        // What the page itself costs, whatever else the machine does.
        expect(cpuMs, view).toBeLessThan(FRAME_MS);
      }
      await page.close();
    },
    300_000,
  );
});
