/** What the model cannot know. Each is one figure that a reader may change. */
export interface Assumption {
  readonly value: number;
  readonly unit: string;
  readonly why: string;
}

export type AssumptionId = keyof typeof table;
export type Assumptions = Readonly<Record<AssumptionId, number>>;

const table = {
  requests: {
    value: 1_000_000,
    unit: 'requests a month',
    why: 'The volume that the goal is stated for, spread over the whole month: 23 a minute.',
  },
  targetMs: {
    value: 50,
    unit: 'ms',
    why: 'How long the forwarder waits for the target: the way there and back and the target’s own work. It is billed, and cannot be measured here.',
  },
  coldShare: {
    value: 0.01,
    unit: 'of invocations',
    why: 'How many find no warm sandbox. AWS says that it is typically under 1 % (source init-billing). Init is billed since 2025-08-01.',
  },
  sources: {
    value: 10,
    unit: 'addresses',
    why: 'How many addresses send in any five minutes. For each of them the authorizer is asked once while its decision is remembered, whether or not the address has sent before.',
  },
  answerBytes: {
    value: 1_600,
    unit: 'bytes',
    why: 'An answer of 1 KB to the client, with its head, TLS, TCP and IP. (What a request of 1 KB takes through the tunnel is measured.)',
  },
  logEventBytes: {
    value: 26,
    unit: 'bytes a log event',
    why: 'What CloudWatch Logs adds to each event when it counts a batch. AWS does not say that it is billed; it is counted.',
  },
  initStartBytes: {
    value: 130,
    unit: 'bytes',
    why: 'The line INIT_START, which Lambda writes once a sandbox and the emulator does not.',
  },
  rotationCalls: {
    value: 40,
    unit: 'calls',
    why: 'Calls of Secrets Manager for one rotation, with some to spare.',
  },
  checkCalls: {
    value: 3,
    unit: 'calls',
    why: 'Calls of Secrets Manager for the daily look at the key’s expiry.',
  },
  rotationMs: {
    value: 3_000,
    unit: 'ms',
    why: 'How long each step of a rotation and each daily look runs, with its init.',
  },
  edgeRules: {
    value: 4,
    unit: 'rules',
    why: 'The web ACL of the edge option has three of AWS’s managed groups and a rate rule.',
  },
  demoGb: {
    value: 1,
    unit: 'GB',
    why: 'What the demo’s instance sends through its NAT gateway in a month: packages and the tailnet.',
  },
  hours: { value: 730, unit: 'hours', why: 'A month.' },
} as const satisfies Readonly<Record<string, Assumption>>;

export const assumptionTable: Readonly<Record<AssumptionId, Assumption>> = table;

export const assumptions = Object.fromEntries(
  Object.entries(table).map(([id, { value }]) => [id, value]),
) as Assumptions;
