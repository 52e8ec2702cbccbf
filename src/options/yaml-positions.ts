import { type Document, isMap, isNode, isPair, isScalar, type LineCounter } from 'yaml';

/** Keys and indices that lead to a value of a document. */
export type Path = readonly (string | number)[];

/** `['cohorts', 'steady', 0]` as a person reads it: `cohorts.steady[0]`. */
export function pathText(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
}

/** Line and column of what a path names; of the nearest thing around it when it is not there. */
export function positionOf(
  document: Document,
  lines: LineCounter,
  path: Path,
): { line: number; col: number } {
  const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key);
    const range = isNode(pair?.key) ? pair.key.range : undefined;
    if (range) return lines.linePos(range[0]);
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  if (isNode(node) && node.range) return lines.linePos(node.range[0]);
  return path.length === 0 ? { line: 1, col: 1 } : positionOf(document, lines, path.slice(0, -1));
}
