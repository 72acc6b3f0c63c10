import type { components } from './contract.js';

export type Problem = components['schemas']['Problem'];
export type FieldError = components['schemas']['FieldError'];

/** The base class of all errors of this package. */
export class LatchkeyError extends Error {
  override name = 'LatchkeyError';
}

/** Latchkey refused the request. Branch on `code`, never on the message. */
export class ProblemError extends LatchkeyError {
  override name = 'ProblemError';
  readonly status: number;
  readonly code: Problem['code'];
  /** Identifies the request in the service's log. Give it to the operator. */
  readonly requestId: string;
  /** The invalid fields and what is wrong with them, for `validation_error`; otherwise empty. */
  readonly errors: readonly FieldError[];
  /** Seconds until the call may succeed, if the server says so. */
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, retryAfter?: number) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.requestId = problem.request_id;
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
  }

  /** field returns the first error of a field, to be shown at that field, or undefined if it has none. */
  field(name: string): FieldError | undefined {
    return this.errors.find(({ field }) => field === name);
  }
}

/** There was no response, or it did not come from Latchkey: offline, timed out, a proxy's page. The session is unchanged. */
export class NetworkError extends LatchkeyError {
  override name = 'NetworkError';
}

/** The session in which the call was made has ended; the user has to log in. `code` says why. */
export class SignedOutError extends LatchkeyError {
  override name = 'SignedOutError';

  constructor(readonly code: Problem['code']) {
    super(`the session has ended: ${code}`);
  }
}

/** The storage failed; `cause` is its error. The session is unchanged. */
export class StorageError extends LatchkeyError {
  override name = 'StorageError';
}
