import type { components, paths } from './contract.js';

export type SessionTokens = components['schemas']['SessionTokens'];
export type User = components['schemas']['User'];

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** The paths that support a method. */
export type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never;
}[keyof paths];

export type Operation<M extends Method, P extends PathsWith<M>> = paths[P] extends { [K in M]: infer O } ? O : never;

/** The JSON body of an operation's request. */
export type Body<O> = O extends { requestBody?: { content: { 'application/json': infer B } } } ? B : never;

/** The body of an operation's successful response. */
export type Answer<O> = O extends { responses: infer R }
  ? { [S in keyof R]: S extends 200 | 201 | 202 | 204 ? Content<R[S]> : never }[keyof R]
  : never;

type Content<R> = R extends { content: { 'application/json': infer T } }
  ? T
  : R extends { content: object } ? string : undefined;

type BodyOption<O> = O extends { requestBody: object } ? { body: Body<O> } : { body?: Body<O> };
type ParameterOption<O, K extends 'path' | 'query'> = O extends { parameters: { [N in K]: infer V } }
  ? { [N in K]: V }
  : O extends { parameters: { [N in K]?: infer V } } ? { [N in K]?: Exclude<V, undefined> } : unknown;

/** The options of a call: body, parameters and signal. */
export type CallOptions<O> =
  BodyOption<O> & ParameterOption<O, 'path'> & ParameterOption<O, 'query'> & { signal?: AbortSignal };

/** The arguments of a call. The options may be left out if none of them is required. */
export type CallArguments<O> = object extends CallOptions<O> ? [options?: CallOptions<O>] : [options: CallOptions<O>];
