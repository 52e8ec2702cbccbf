import { expect, test } from 'vitest';
import { csvReport } from '../../../src/bench/report/formats/csv.js';
import { filledReport } from '../filled.js';

test('CSV has a line for each metric', async () => {
  await expect(csvReport(filledReport(['fanout.p99 < 2s']))).toMatchFileSnapshot('golden/passed.csv');
});
