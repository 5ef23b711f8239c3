/** The architectures of Lambda, by AWS's names. */
export const arches = ['arm64', 'x86_64'] as const;

export type Arch = (typeof arches)[number];

/** Its name in Node and npm. */
export const nodeArch: Readonly<Record<Arch, string>> = { arm64: 'arm64', x86_64: 'x64' };
