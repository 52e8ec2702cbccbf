import { describe } from '../protocol/identifiers.js';
import { nearest } from '../text/nearest.js';
import { orList } from '../text/or-list.js';
import { FAULT_PRESET_NAMES, type FaultPreset } from './fault-presets.js';
import { text } from './kinds.js';
import type { OptionSpec } from './spec.js';

const expected = orList(FAULT_PRESET_NAMES);

/** A preset of faults that is in force from the start. */
export const faultPresetOption = text({
  group: 'Faults',
  placeholder: 'PRESET',
  json: { enum: FAULT_PRESET_NAMES },
  help: `Start with a preset of faults, for tests: ${FAULT_PRESET_NAMES.join(', ')}.`,
  default: undefined as string | undefined,
  check(value) {
    if (FAULT_PRESET_NAMES.some((name) => name === value)) return undefined;
    const near = nearest(value, FAULT_PRESET_NAMES);
    return { expected, got: `${describe(value)}${near === undefined ? '' : ` (did you mean ${near}?)`}` };
  },
}) as OptionSpec<FaultPreset | undefined>;
