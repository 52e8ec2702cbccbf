import type { Page } from 'playwright-core';

/** How many colors are on the canvas of each chart that a selector finds: one that is empty has none. */
export const chartColors = (page: Page, selector: string): Promise<number[]> =>
  page.$$eval(selector, (canvases) =>
    canvases.map((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number };
      // biome-ignore lint/suspicious/noExplicitAny: the types of the browser are not those of the tests
      const { data } = (canvas as any).getContext('2d').getImageData(0, 0, width, height);
      const colors = new Set<string>();
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 0) colors.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
      return colors.size;
    }),
  );
