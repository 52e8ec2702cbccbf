import { FAULT_NAMES, type FaultName, type FaultStage, faultKind } from './kinds.js';

/** A fault, described for a program that offers it to a person. */
export interface FaultDescription {
  readonly fault: FaultName;
  readonly stage: FaultStage;
  readonly help: string;
  readonly per: string;
  readonly settings: readonly {
    readonly name: string;
    readonly expected: string;
    readonly help: string;
    readonly default?: unknown;
    readonly isRequired: boolean;
  }[];
}

/** Every fault that a rule can have. */
export function faultCatalog(): FaultDescription[] {
  return FAULT_NAMES.map((fault) => {
    const { stage, help, per, settings } = faultKind(fault);
    return {
      fault,
      stage,
      help,
      per,
      settings: Object.entries(settings).map(
        ([name, { expected, help, default: value, isRequired = false }]) => ({
          name,
          expected,
          help,
          ...(value === undefined ? {} : { default: value }),
          isRequired,
        }),
      ),
    };
  });
}
