import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inlineScript } from '../../../text/inline-page.js';
import { joinedModules } from '../../../text/joined-modules.js';
import { STYLE } from './style.js';

/** What a page with charts is made of, ready for its elements. */
export interface PageAssets {
  readonly style: string;
  /** uPlot. */
  readonly library: string;
  readonly script: string;
}

/** @param entry the script of the page. */
export function pageAssets(entry: 'report' | 'live'): PageAssets {
  const script = joinedModules(new URL(`./script/${entry}.js`, import.meta.url), read);
  return {
    style: readPackage('uplot/dist/uPlot.min.css') + STYLE,
    library: inlineScript(readPackage('uplot/dist/uPlot.iife.min.js')),
    script: inlineScript(script),
  };
}

const read = (file: URL | string) => readFileSync(file, 'utf8');

function readPackage(file: string): string {
  return read(createRequire(import.meta.url).resolve(file));
}
