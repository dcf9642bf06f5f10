/** What was measured of one system, round by round. */
export type Samples = readonly number[];

/** The value in the middle. */
export function median(samples: Samples): number {
  return quantile(samples, 0.5);
}

/** @param share from 0, the least, to 1, the most */
export function quantile(samples: Samples, share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}

/** Each sample beside that of the same round: what a noisy machine did to a round it did to both. */
export function ratios(samples: Samples, beside: Samples): number[] {
  return samples.map((value, round) => value / beside[round]!);
}

/**
 * Measures systems in turns, and each round begins with another, so that a noisy machine is noisy for all of them.
 *
 * @param systems what is measured
 * @param rounds how many times each
 * @param measure measures one of them once
 * @returns the samples of each, in the order of the rounds
 */
export async function inRounds<System, Sample = number>(
  systems: readonly System[],
  rounds: number,
  measure: (system: System, round: number) => Promise<Sample>,
): Promise<Map<System, Sample[]>> {
  const samples = new Map<System, Sample[]>(systems.map((system) => [system, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < systems.length; i++) {
      const system = systems[(i + round) % systems.length]!;
      samples.get(system)!.push(await measure(system, round));
    }
  }
  return samples;
}
