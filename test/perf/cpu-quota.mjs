// Processes that get a share of a core each, so that on a small machine the clients have the rest.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

const PERIOD_US = 20_000;
const V2 = '/sys/fs/cgroup';
const V1 = '/sys/fs/cgroup/cpu';

/**
 * Holds each of the processes to `share` of a core, until the function that is returned is called after they have ended.
 * Undefined where control groups cannot be written: Linux and root are needed.
 */
export function limitCpu(pids, share) {
  const isV2 = existsSync(`${V2}/cgroup.controllers`);
  const quotaUs = Math.round(PERIOD_US * share);
  const folders = [];
  try {
    if (isV2 && !readFileSync(`${V2}/cgroup.subtree_control`, 'utf8').includes('cpu'))
      writeFileSync(`${V2}/cgroup.subtree_control`, '+cpu');
    for (const pid of pids) {
      const folder = `${isV2 ? V2 : V1}/datafn-ws-perf-${pid}`;
      mkdirSync(folder);
      folders.push(folder);
      if (isV2) writeFileSync(`${folder}/cpu.max`, `${quotaUs} ${PERIOD_US}`);
      else {
        writeFileSync(`${folder}/cpu.cfs_period_us`, String(PERIOD_US));
        writeFileSync(`${folder}/cpu.cfs_quota_us`, String(quotaUs));
      }
      writeFileSync(`${folder}/cgroup.procs`, String(pid));
    }
  } catch {
    return undefined;
  }
  return () => {
    for (const folder of folders) rmdirSync(folder);
  };
}
