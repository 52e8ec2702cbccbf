/**
 * Makes the processes that tests start count the code they run, for `npm run coverage`. Not in the environment of Vitest
 * itself, which counts its own code.
 */
process.env.NODE_V8_COVERAGE = process.env.DATAFN_TEST_COVERAGE;
