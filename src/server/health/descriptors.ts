import { readFileSync, statSync } from 'node:fs';

/** File descriptors of a process. */
export interface Descriptors {
  readonly open: number;
  readonly max: number;
}

let max: number | undefined;

/** File descriptors of this process, in a few µs; `undefined` where the system does not say. */
export function countDescriptors(): Descriptors | undefined {
  try {
    // The size is their count since Linux 6.2; before that it is 0, and listing thousands would hold up the event loop.
    const { size: open } = statSync('/proc/self/fd');
    // Node.js has raised it to the highest by now. Read once: reading takes a descriptor.
    max ??= Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    return open === 0 || Number.isNaN(max) ? undefined : { open, max };
  } catch {
    return undefined;
  }
}
