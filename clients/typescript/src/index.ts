export { Client, type ClientOptions } from './client.js';
export { LatchkeyError, NetworkError, ProblemError, SignedOutError, StorageError } from './errors.js';
export type { FieldError, Problem } from './errors.js';
export type { SignedOutReason } from './session.js';
export { MemoryStorage, webStorage, type Storage } from './storage.js';
export type { Answer, Body, Method, Operation, PathsWith, SessionTokens, User } from './operations.js';
