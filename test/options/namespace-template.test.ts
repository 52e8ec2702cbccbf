import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NamespaceTemplate, templateProblem } from '../../src/options/namespace-template.js';

const filled = (template: string, claims: Record<string, unknown>) =>
  new NamespaceTemplate(template).fill(claims);
const TENANT = 'tenant:{tid}:user:{sub}';

describe('a template is filled in', () => {
  test.each<[string, Record<string, unknown>, string]>([
    [TENANT, { tid: 't1', sub: 'alice', more: 1 }, 'tenant:t1:user:alice'],
    ['{sub}', { sub: 'us-east-1:1234' }, 'us-east-1:1234'],
    // With one claim, whatever it is, nothing can be mistaken for something else.
    ['user:{sub}', { sub: 'a:b' }, 'user:a:b'],
    ['{https://example.com/tid}/{sub}', { 'https://example.com/tid': 't', sub: 'a:b' }, 't/a:b'],
    ['{sub}-{sub}', { sub: 'a' }, 'a-a'],
    [TENANT, { tid: '$&', sub: '{tid}' }, 'tenant:$&:user:{tid}'],
  ])('%s with %j', (template, claims, namespace) => {
    expect(filled(template, claims)).toEqual({ namespace });
  });
});

describe('there is no namespace', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a missing claim', { tid: 't1' }, 'the claim "sub" is missing'],
    ['an empty one', { tid: '', sub: 'a' }, 'the claim "tid" is empty'],
    ['a number', { tid: 7, sub: 'a' }, 'the claim "tid" is not a string'],
    ['null', { tid: null, sub: 'a' }, 'the claim "tid" is not a string'],
    ['a list', { tid: ['t1'], sub: 'a' }, 'the claim "tid" is not a string'],
    ['an object', { tid: { toString: () => 't1' }, sub: 'a' }, 'the claim "tid" is not a string'],
    [
      'a separator in the first claim',
      { tid: 't1:user:a', sub: 'b' },
      'the claim "tid" contains the separator ":"',
    ],
    [
      'a separator in the last claim',
      { tid: 't1', sub: 'a:user:b' },
      'the claim "sub" contains the separator ":"',
    ],
    [
      'half a separator at the end of a claim',
      { tid: 't1:user', sub: 'b' },
      'the claim "tid" contains the separator ":"',
    ],
    [
      'a control character',
      { tid: 't1', sub: 'a\nb' },
      'expected the resulting namespace to be free of control characters, got one',
    ],
    [
      'a claim that is too long',
      { tid: 't1', sub: 'a'.repeat(250) },
      'expected the resulting namespace to be at most 255 characters, got 265',
    ],
    [
      'half a character',
      { tid: 't1', sub: '\ud800' },
      'expected the resulting namespace to be well-formed Unicode, got a lone surrogate',
    ],
  ])('with %s', (_, claims, problem) => {
    expect(filled(TENANT, claims)).toEqual({ problem });
  });

  test.each(['constructor', '__proto__', 'toString'])('with a claim that every object has: %s', (name) => {
    expect(filled(`user:{${name}}`, {})).toEqual({ problem: `the claim "${name}" is missing` });
  });
});

test('two sets of claims never give the same namespace, whatever is in them', () => {
  // Few letters, those of the templates among them, so that collisions would be found.
  const claim = fc.string({
    unit: fc.constantFrom('a', ':', '/', 'u', '{', '😀'),
    minLength: 1,
    maxLength: 5,
  });
  const templates = ['{x}:{y}', '{x}:u:{y}', 'u:{x}/{y}:', '{x}u{y}', 'u{x}😀{y}u'].map(
    (text) => new NamespaceTemplate(text),
  );
  fc.assert(
    fc.property(fc.constantFrom(...templates), claim, claim, claim, claim, (template, x1, y1, x2, y2) => {
      const [first, second] = [template.fill({ x: x1, y: y1 }), template.fill({ x: x2, y: y2 })];
      if ('problem' in first || 'problem' in second || (x1 === x2 && y1 === y2)) return;
      expect(first.namespace).not.toBe(second.namespace);
    }),
    { numRuns: 5000 },
  );
});

describe('a template is refused', () => {
  test.each([
    ['without a claim, since everybody would be in one namespace', 'everybody'],
    ['that is empty', ''],
    ['with a brace that is not closed', 'user:{sub'],
    ['with a brace that was not opened', 'user:sub}'],
    ['with a claim without a name', 'user:{}'],
    ['with a brace in a brace', 'user:{{sub}}'],
    ['with nothing between two claims', '{tid}{sub}'],
    ['with a control character', 'user\n{sub}'],
    ['that is too long', `${'n'.repeat(256)}{sub}`],
  ])('%s', (_, template) => {
    expect(templateProblem(template)).toEqual(expect.any(String));
    expect(() => new NamespaceTemplate(template)).toThrow(/^Expected the namespace template to be /);
  });
});
