import { nearest } from '../base/suggestion.ts';
import { check } from './commands/check.ts';
import { explain } from './commands/explain.ts';
import { schema } from './commands/schema.ts';
import { serve } from './commands/serve.ts';
import { UsageError, usageMistake } from './commands/usage.ts';

const commands = { serve, check, explain, schema };

const help = `postern: one guarded door for the HTTP services of a private network

  postern serve  [--config postern.yaml] [--listen 127.0.0.1:8080] [--admin 127.0.0.1:8081] [--watch]
                 run the gateway on this machine; SIGHUP loads the configuration again, with --watch a change of the file does too
  postern check  FILE [--json]
                 report the errors and the warnings of a configuration
  postern explain FILE [--request FILE|-] [--source IP]
                 show the verdict of each plugin on an HTTP request, without sending it
  postern schema print the JSON Schema of the configuration, for editors
  postern --version

FILE is the configuration, such as postern.yaml. Exit code 0: fine; 1: refused or wrong; 2: the command line is wrong.
`;

const [name = 'help', ...args] = process.argv.slice(2);
try {
  if (name === 'help' || process.argv.includes('--help') || process.argv.includes('-h'))
    process.stdout.write(help);
  else if (Object.hasOwn(commands, name))
    process.exitCode = await commands[name as keyof typeof commands](args);
  else
    throw new UsageError(
      `there is no command ${JSON.stringify(name)}; ${nearest(name, Object.keys(commands)) ?? 'see postern help'}`,
    );
} catch (error) {
  const mistake = usageMistake(error);
  process.stderr.write(`postern: ${mistake ?? (error as Error).stack ?? String(error)}\n`);
  process.exitCode = mistake === undefined ? 1 : 2;
}
