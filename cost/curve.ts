import { hasRoom, sizeOf } from './measured.ts';
import { billedMs, type Inputs, lambdaUsdPerMillion } from './model.ts';

/** One memory size on the power-tuning curve. */
export interface Point {
  readonly memoryMb: number;
  /** Undefined where it was not tried. */
  readonly hasRoom: boolean | undefined;
  /** Billed, warm, without the wait for the target. */
  readonly workingMs: number;
  /** Billed, warm, with it. */
  readonly warmMs: number;
  /** Init and the first request, without it. */
  readonly coldMs: number;
  /** Only Lambda, for a million requests, with the wait. */
  readonly usdPerMillion: number;
  /** The same for a target that answers at once. */
  readonly withoutWaitUsdPerMillion: number;
}

/** Cost and duration of the forwarder against its memory. */
export function curveOf(inputs: Inputs): readonly Point[] {
  const withoutWait = { ...inputs, assumptions: { ...inputs.assumptions, targetMs: 0 } };
  return inputs.power.sizes.map(({ memoryMb }): Point => {
    const size = sizeOf(inputs.power, memoryMb);
    return {
      memoryMb,
      hasRoom: hasRoom(inputs.power, memoryMb),
      workingMs: size.billedMs,
      warmMs: billedMs(inputs, memoryMb),
      coldMs: size.initMs + size.firstMs,
      usdPerMillion: lambdaUsdPerMillion(inputs, memoryMb),
      withoutWaitUsdPerMillion: lambdaUsdPerMillion(withoutWait, memoryMb),
    };
  });
}
