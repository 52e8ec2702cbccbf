// What a process and its descendants use, as Linux counts it.
import { readFileSync } from 'node:fs';

/** Ticks of the CPU times in /proc, which are 10 ms each on every Linux that Node.js runs on. */
const MS_PER_TICK = 10;

function children(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

/** A process and everything that it has started, itself first. */
export function treeOf(pid) {
  return [pid, ...children(pid).flatMap(treeOf)];
}

/** User and system time so far, in milliseconds. */
export function cpuMsOf(pid) {
  // The name of a process may have blanks; what follows its bracket has none.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Memory that would be free without the process, shared pages by share, in bytes. */
export function memoryOf(pid) {
  const [, kib] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Number(kib) * 1024;
}

/** The sum over processes. */
export const sumOf = (pids, measure) => pids.reduce((sum, pid) => sum + measure(pid), 0);
