/** Wrong input of a construct: what is wrong, the value got, what to do; never a secret. Thrown while the app is synthesized. */
export class InvalidProps extends Error {
  constructor(construct: string, problem: string) {
    super(`${construct}:${problem.startsWith('\n') ? '' : ' '}${problem}`);
    this.name = 'InvalidProps';
  }
}
