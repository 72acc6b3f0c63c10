import type { components } from './contract.js';

export type Problem = components['schemas']['Problem'];
export type FieldError = components['schemas']['FieldError'];

/** What every error of this package is. */
export class LatchkeyError extends Error {
  override name = 'LatchkeyError';
}

/** Latchkey refused. Branch on `code`, never on the text. */
export class ProblemError extends LatchkeyError {
  override name = 'ProblemError';
  readonly status: number;
  readonly code: Problem['code'];
  /** What to tell the operator. */
  readonly requestId: string;
  /** What is wrong with which field, for `validation_error`; else empty. */
  readonly errors: readonly FieldError[];
  /** Seconds until the call may succeed, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.requestId = problem.request_id;
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }

  /** The first thing that is wrong with a field, to be shown at it. */
  field(name: string): FieldError | undefined {
    return this.errors.find(({ field }) => field === name);
  }
}

/** There was no answer, or none of Latchkey: offline, timed out, a proxy's page. The session is as it was. */
export class NetworkError extends LatchkeyError {
  override name = 'NetworkError';
}

/** The session that the call was made in is over; the user has to log in. `code` says why. */
export class SignedOutError extends LatchkeyError {
  override name = 'SignedOutError';

  constructor(readonly code: Problem['code']) {
    super(`the session is over: ${code}`);
  }
}

/** The storage failed; its error is the `cause`. The session is as it was. */
export class StorageError extends LatchkeyError {
  override name = 'StorageError';
}
