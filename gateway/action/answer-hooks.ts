import { types } from 'node:util';
import { checkField } from '../../base/http/field.ts';
import { findHeader, hopByHop, removeHeader, setHeader } from '../../base/http/headers.ts';
import { describe, ignoreRejection } from '../answer/verdict.ts';
import type { Chain } from '../pipeline/chain.ts';
import type { AnswerHead } from '../plugin/plugin.ts';
import type { Exchange } from '../request/exchange.ts';

/**
 * Lets plugins change the head of an answer, including an interim one (1xx). The result is checked here, for every host.
 *
 * @throws Error if a hook throws, or leaves a head that cannot be sent
 */
export function runAnswerHooks(chain: Chain, exchange: Exchange, answer: AnswerHead): void {
  const [least, most] = answer.status < 200 ? [100, 199] : [200, 599];
  const length = findHeader(answer.headers, 'content-length');
  for (const hook of chain.answer) mustBeNothing(hook(exchange, answer));
  const { status, headers } = answer;
  if (!Number.isInteger(status) || status < least || status > most)
    throw new Error(
      `a plugin set the status ${describe(status)}; expected a whole number from ${least} to ${most}`,
    );
  if (!Array.isArray(headers) || headers.length % 2 !== 0)
    throw new Error('a plugin left headers that are not a flat list of names and values');
  for (let at = 0; at < headers.length; at += 2) {
    checkField(headers[at], headers[at + 1]);
    if (hopByHop.has((headers[at] as string).toLowerCase()))
      throw new Error(`a plugin set the header ${headers[at]}, which belongs to the connection`);
  }
  // With a wrong length a client would read the rest of this answer as the next one.
  const left = findHeader(headers, 'content-length');
  if (left !== undefined && left !== length)
    throw new Error('a plugin changed content-length; it may only remove it');
}

/** A hook that returned a promise would continue after its time, and its rejection would end the process. */
function mustBeNothing(given: unknown): void {
  if (given === undefined) return;
  if (types.isPromise(given)) ignoreRejection(given);
  throw new Error(
    `a hook returned ${types.isPromise(given) ? 'a promise' : describe(given)}; it must return nothing`,
  );
}

/** Removes the length of an answer without a body (RFC 9110 section 8.6); a 205 declares a length of 0 (section 15.3.6). */
export function frameBodyless({ status, headers }: AnswerHead): void {
  if (status >= 200 && status !== 204 && status !== 205) return;
  if (status === 205) setHeader(headers, 'content-length', '0');
  else removeHeader(headers, 'content-length');
}
