import { CodedError } from '../base/coded-error.ts';

/** Wrong input of a construct: what is wrong, the value got, what to do; never a secret. Thrown while the app is synthesized. */
export class InvalidProps extends CodedError {
  constructor(construct: string, problem: string) {
    super('props:invalid', `${construct}:${problem.startsWith('\n') ? '' : ' '}${problem}`);
  }
}
