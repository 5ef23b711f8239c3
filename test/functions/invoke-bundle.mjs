// Runs in a process of its own, as Lambda's runtime would: imports a bundle and calls its handler with each event given.
const [file, ...events] = process.argv.slice(2);
const { handler } = await import(file);
const answers = [];
for (const event of events) {
  answers.push(await handler(JSON.parse(event), { getRemainingTimeInMillis: () => 5_000 }));
  // The runtime hands the answer over and asks for the next event: at least one turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 2));
}
process.stdout.write(`answers ${JSON.stringify(answers)}\n`);
process.exit(0);
