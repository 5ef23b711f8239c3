import { checkFields } from '../../base/http/field.ts';
import { hasHeader } from '../../base/http/headers.ts';
import { ConfigurationError } from '../../base/schema/configuration-error.ts';
import { isBodyless } from '../answer/verdict.ts';
import type { Action, Run } from '../routing/action.ts';

/** An answer that a route gives by itself. */
export interface FixedAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** An answer in the configuration. */
export interface AnswerOptions {
  readonly status: number;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body?: string;
}

/**
 * Makes an answer. A body without a content-type is plain text in UTF-8.
 *
 * @throws Error that says which part cannot be sent
 */
export function fixedAnswer({ status, headers, body }: AnswerOptions): FixedAnswer {
  if (body !== undefined && isBodyless(status))
    throw new ConfigurationError(`an answer with status ${status} cannot have a body`);
  const list = Object.entries(headers).flatMap(([name, values]) => values.flatMap((value) => [name, value]));
  if (body !== undefined && !hasHeader(list, 'content-type'))
    list.push('content-type', 'text/plain; charset=utf-8');
  checkFields(list);
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const repeated = names.find((name, at) => names.indexOf(name) < at);
  if (repeated !== undefined)
    throw new ConfigurationError(`the header ${repeated} is there twice; give its values as one list`);
  return { status, headers: list, body: Buffer.from(body ?? '') };
}

/** No target is called. The time is for plugins that decide late, and for a body that they read. */
const decisionMs = 10_000;
const nothingToDo: Run = Object.freeze({ resume() {}, abort() {} });

/** Gives the same answer to every request, such as a redirect. */
export function createResponder({ status, headers, body }: FixedAnswer): Action {
  const length = isBodyless(status) ? [] : ['content-length', String(body.byteLength)];
  return {
    timeoutMs: decisionMs,
    describe: ({ method, path }) => `the route would answer ${method} ${path} itself with ${status}`,
    start(_exchange, _body, receiver) {
      receiver.head(status, [...headers, ...length]);
      if (body.byteLength > 0) receiver.data(body);
      receiver.end();
      return nothingToDo;
    },
  };
}
