import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_WITHIN_MS } from './deadline.js';

/** A running process, as `/proc` has it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Whether the processes of this machine can be looked at. */
export const canSeeProcesses = process.platform === 'linux';

function entry(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; what follows it does not.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // One that has ended and waits to be collected is gone for our purposes.
    if (state === 'Z' || state === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), command };
  } catch {
    return undefined;
  }
}

/** The processes that a process has started and that still run. */
export function childrenOf(parent: number): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => entry(Number(name)))
    .filter((found) => found !== undefined)
    .filter((found) => found.parent === parent);
}

/** Resolves when a process has ended, whether or not its parent has collected it. */
export async function ended(pid: number): Promise<void> {
  const deadlineMs = performance.now() + EVENT_WITHIN_MS;
  while (entry(pid) !== undefined) {
    if (performance.now() > deadlineMs) throw new Error(`Process ${pid} has not ended`);
    await sleep(20);
  }
}

/** The processes that have a variable with this value in their environment, whoever their parent is by now. */
function marked(name: string, value: string): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && isMarked(pid, `${name}=${value}`))
    .map((pid) => entry(Number(pid)))
    .filter((found) => found !== undefined);
}

function isMarked(pid: string, assignment: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(assignment);
  } catch {
    // Of somebody else, or gone.
    return false;
  }
}

/** Resolves when no process is left that has a variable with this value in its environment. */
export async function untilNoneMarked(name: string, value: string): Promise<void> {
  const deadlineMs = performance.now() + EVENT_WITHIN_MS;
  for (;;) {
    const left = marked(name, value);
    if (left.length === 0) return;
    if (performance.now() > deadlineMs) {
      for (const { pid } of left) process.kill(pid, 'SIGKILL');
      throw new Error(`Still running: ${JSON.stringify(left)}`);
    }
    await sleep(10);
  }
}

/** Polls, because nobody tells of other people's processes: resolves when a process has such children. */
export async function untilChildren(
  parent: number,
  isEnough: (children: readonly ProcessEntry[]) => boolean,
): Promise<ProcessEntry[]> {
  const deadlineMs = performance.now() + EVENT_WITHIN_MS;
  for (;;) {
    const children = childrenOf(parent);
    if (isEnough(children)) return children;
    if (performance.now() > deadlineMs) throw new Error(`Its children are ${JSON.stringify(children)}`);
    await sleep(5);
  }
}

/** Resolves when none of these processes runs any more. */
export async function untilGone(processes: readonly ProcessEntry[]): Promise<void> {
  const deadlineMs = performance.now() + EVENT_WITHIN_MS;
  for (;;) {
    // A number may have been given to another process meanwhile; its command tells.
    const left = processes.filter(({ pid, command }) => entry(pid)?.command === command);
    if (left.length === 0) return;
    if (performance.now() > deadlineMs) throw new Error(`Still running: ${JSON.stringify(left)}`);
    await sleep(10);
  }
}
