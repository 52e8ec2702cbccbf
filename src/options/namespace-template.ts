import { invalid } from '../manager/checks.js';
import { describe, namespaceProblem } from '../protocol/identifiers.js';

/** The namespace of a JWT, where nothing else is said. */
export const DEFAULT_NAMESPACE_TEMPLATE = 'user:{sub}';

/** A namespace made of claims, or why there is none. */
export type FilledTemplate =
  | { readonly ok: true; readonly namespace: string }
  /** `problem` names claims, and never their values. */
  | { readonly ok: false; readonly problem: string };

/**
 * A namespace with claims in it, such as `tenant:{tid}:user:{sub}`.
 *
 * Different claims give different namespaces. That takes a rule: with `tenant:{tid}:user:{sub}`, a `tid` of `a:user:b`
 * and a `sub` of `c` would give the namespace of the `sub` `b:user:c` of tenant `a`. So the character that follows a
 * claim, where another claim comes later, is a separator, and no claim may contain a separator. A template with one claim
 * has none.
 */
export class NamespaceTemplate {
  /** What stands before the first claim, between the claims, and after the last. */
  readonly #texts: readonly string[];
  readonly #claims: readonly string[];
  readonly #separators: ReadonlySet<string>;

  /** @throws {DatafnWsError} `ERR_INVALID_OPTION` for a template that {@link templateProblem} finds fault with. */
  constructor(template: string) {
    const problem = templateProblem(template);
    if (problem !== undefined)
      throw invalid(`Expected the namespace template to be ${problem}, got ${describe(template)}`);
    const parts = partsOf(template);
    this.#texts = parts.filter((_, index) => index % 2 === 0);
    this.#claims = parts.filter((_, index) => index % 2 === 1);
    this.#separators = new Set(this.#texts.slice(1, -1).map(([first]) => first as string));
  }

  /** The namespace for these claims. Each claim that is named must be a string that is not empty. */
  fill(claims: Readonly<Record<string, unknown>>): FilledTemplate {
    let namespace = this.#texts[0] as string;
    for (const [index, name] of this.#claims.entries()) {
      const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
      if (value === undefined) return failed(`the claim "${name}" is missing`);
      if (typeof value !== 'string') return failed(`the claim "${name}" is no string`);
      if (value === '') return failed(`the claim "${name}" is empty`);
      for (const separator of this.#separators) {
        if (value.includes(separator))
          return failed(`the claim "${name}" contains the separator "${separator}"`);
      }
      namespace += value + this.#texts[index + 1];
    }
    const problem = namespaceProblem(namespace);
    return problem === undefined ? { ok: true, namespace } : failed(`the namespace would not be ${problem}`);
  }
}

/** Returns why a text is not a {@link NamespaceTemplate}, in words that follow "Expected … to be", else `undefined`. */
export function templateProblem(template: string): string | undefined {
  const example = 'such as tenant:{tid}:user:{sub}';
  const parts = partsOf(template);
  if (parts.some((part, index) => index % 2 === 0 && /[{}]/.test(part))) {
    return `a text with claims in braces ${example}`;
  }
  // Without one, all valid tokens would share one namespace.
  if (parts.length === 1) return `a text with at least one claim in braces, ${example}`;
  if (parts.slice(1, -1).some((part, index) => index % 2 === 1 && part === '')) {
    return `a text with something between any two claims, ${example}`;
  }
  const wrong = namespaceProblem(template);
  return wrong === undefined ? undefined : `fit for a namespace: ${wrong}`;
}

/** Texts and claims in turn: it begins and ends with a text, which may be empty. */
function partsOf(template: string): string[] {
  return template.split(/\{([^{}]+)\}/);
}

function failed(problem: string): FilledTemplate {
  return { ok: false, problem };
}
