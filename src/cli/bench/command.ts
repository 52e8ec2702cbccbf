import { Command } from 'commander';
import type { Io } from '../io.js';
export function benchCommand(_io: Io, exit: (code: number) => void): Command {
  return new Command('bench').action(() => exit(0));
}
