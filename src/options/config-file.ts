import { resolve } from 'node:path';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { didYouMean } from '../text/nearest.js';
import type { ConfigFile, ConfigPlace, ConfigProblem, ConfigValue, OptionTable } from './spec.js';
import { plainYamlMessage } from './yaml.js';

/**
 * Reads a config file: YAML, or JSON, which YAML contains. Its keys are the options of `table` in camelCase, its
 * values what the flags take. The name of a file is relative to `folder`, the one where the config file is.
 *
 * @param source names the file in messages.
 */
export function parseConfig(
  table: OptionTable,
  text: string,
  { source, folder }: { readonly source: string; readonly folder: string },
): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: ConfigProblem[] = [];
  const values = new Map<string, ConfigValue>();
  const complain = (at: ConfigPlace, message: string) => problems.push({ at, message });
  for (const error of [...document.errors, ...document.warnings]) {
    complain(lines.linePos(error.pos[0]), plainYamlMessage(error));
  }
  const { contents } = document;
  if (problems.length > 0 || contents === null) return { source, values, problems };
  if (!isMap(contents)) {
    complain(
      lines.linePos(contents.range[0]),
      `expected options, such as port: 3001, got ${kindOf(contents)}`,
    );
    return { source, values, problems };
  }
  const names = Object.keys(table).filter((key) => table[key]?.fromConfig);
  for (const { key: keyNode, value: valueNode } of contents.items) {
    const at = lines.linePos((keyNode as Node).range?.[0] ?? 0);
    if (!isScalar(keyNode)) {
      complain(at, `expected the name of an option, got ${kindOf(keyNode as Node)}`);
      continue;
    }
    const key = String(keyNode.value);
    // For editors.
    if (key === '$schema') continue;
    const option = names.includes(key) ? table[key] : undefined;
    if (option === undefined) {
      complain(at, `unknown option \`${key}\`.${didYouMean(key, names)}`);
      continue;
    }
    const texts = textsOf(document, valueNode as Node | null);
    if (texts.length === 0) complain(at, `${key}: expected at least one value, got an empty list`);
    else if (typeof texts === 'string') complain(at, `${key}: expected ${texts}`);
    else if (texts.length !== 1 && !option.repeatable) complain(at, `${key}: expected one value, got a list`);
    else values.set(key, { texts: option.isFile ? texts.map((name) => within(folder, name)) : texts, at });
  }
  return { source, values, problems };
}

/** The name of a file, seen from a folder; an empty one stays what it is, for the option to refuse. */
function within(folder: string, name: string): string {
  return name === '' ? name : resolve(folder, name);
}

/** A value, or those of a list, as the file spells them; else what was expected instead. */
function textsOf(document: Document, node: Node | null): readonly string[] | string {
  const value = followed(document, node);
  if (!isSeq(value)) return textOf(value);
  const texts = value.items.map((item) => textOf(followed(document, item as Node | null)));
  return texts.find((one) => typeof one === 'string') ?? texts.flat();
}

function textOf(value: Node | null): readonly [string] | string {
  if (!isScalar(value) || value.value === null) return `a value, got ${kindOf(value)}`;
  // The spelling, not the number that YAML makes of it: `adminToken: 0123` means these four digits.
  return [typeof value.value === 'string' ? value.value : (value.source ?? String(value.value))];
}

function followed(document: Document, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}

function kindOf(node: Node | null): string {
  if (isMap(node)) return 'an object';
  if (isSeq(node)) return 'a list';
  if (isAlias(node)) return 'an unknown alias; quote a value that begins with *';
  return isScalar(node) && node.value !== null ? 'a single value' : 'nothing';
}

/** The JSON Schema of a config file with the options of `table`, for editors. */
export function configJsonSchema(table: OptionTable): Readonly<Record<string, unknown>> {
  const options = Object.entries(table).filter(([, { fromConfig }]) => fromConfig);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Config file of datafn-ws serve',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string', description: 'Where this schema is; not an option.' },
      ...Object.fromEntries(
        options.map(([key, { help, defaultText, default: value, json }]) => {
          const shown = defaultText ?? value;
          const isShown = shown !== undefined && !Array.isArray(shown);
          return [key, { description: help, ...json, ...(isShown ? { default: shown } : {}) }];
        }),
      ),
    },
  };
}
