/** Colours, only on a terminal and unless NO_COLOR is there (https://no-color.org: set and not empty). */
const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code: number) => (text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);

export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** A line with a label before it. */
export function row(label: string, text: string): void {
  print(`  ${dim(label.padEnd(8))} ${text}`);
}

/** Breaks a long text after commas. */
export function wrap(text: string, width: number): readonly string[] {
  const lines = [''];
  for (const part of text.split(/(?<=,)/)) {
    const last = lines.at(-1) as string;
    if (last !== '' && last.length + part.length > width) lines.push(` ${part}`);
    else lines[lines.length - 1] = last + part;
  }
  return lines;
}
