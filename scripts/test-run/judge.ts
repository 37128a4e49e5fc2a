/** Whether a run of the tests may be called a success: nothing failed, and enough was really run. */

/** What is known when a run has ended. */
export interface Outcome {
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly skipped: number;
  /** Files that ran to their end without a single test: node counts each as passed. */
  readonly empty: readonly string[];
}

/** What speaks against success; nothing does when the list is empty. */
export function judge(outcome: Outcome, testsMin: number): string[] {
  const faults: string[] = [];
  const lost = outcome.failed + outcome.cancelled;
  if (lost > 0) faults.push(`${lost} of ${outcome.tests} tests failed`);
  for (const file of outcome.empty) faults.push(`${file} holds no test`);
  const ran = outcome.passed + lost - outcome.empty.length;
  if (ran < testsMin) faults.push(`only ${ran} tests ran, at least ${testsMin} must`);
  return faults;
}
