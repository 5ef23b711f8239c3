import { check } from './commands/check.ts';
import { explain } from './commands/explain.ts';
import { schema } from './commands/schema.ts';
import { serve } from './commands/serve.ts';
import { UsageError } from './commands/usage.ts';

const commands = { serve, check, explain, schema };

const help = `postern: one guarded door for the HTTP services of a private network

  postern serve  [--config postern.yaml] [--listen 127.0.0.1:8080] [--admin 127.0.0.1:8081]
                 run the gateway on this machine
  postern check  FILE [--json]
                 say everything that is wrong with a configuration, and what it warns of
  postern explain FILE [--request FILE|-] [--source IP]
                 say what each plugin makes of an HTTP request, without sending it on
  postern schema print the JSON Schema of the configuration, for editors
`;

const [name = 'help', ...args] = process.argv.slice(2);
try {
  if (name === 'help' || process.argv.includes('--help') || name === '-h') process.stdout.write(help);
  else if (Object.hasOwn(commands, name))
    process.exitCode = await commands[name as keyof typeof commands](args);
  else throw new UsageError(`there is no command ${JSON.stringify(name)}; see postern help`);
} catch (error) {
  const expected =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(
    `postern: ${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`,
  );
  process.exitCode = expected ? 2 : 1;
}
