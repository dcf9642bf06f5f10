import { inRounds, median } from "../harness/rounds.ts";
import type { Workload } from "../harness/section.ts";
import { apps, PROCEDURES, schemas } from "../types/apps.ts";
import { TypeBench } from "../types/check.ts";

/** What type-checking an app and its client costs. */
export const workload: Workload = {
  id: "types",
  async run({ rounds }) {
    const all = [schemas, ...apps];
    const instantiations: Record<string, number[]> = {};
    const bench = new TypeBench();
    const seconds = await inRounds(all, rounds, async (app) => {
      const cost = bench.check(app);
      (instantiations[app.name] ??= []).push(cost.instantiations);
      return cost.seconds;
    }).finally(() => bench.close());
    const rows = all.map((app) => [
      app.name,
      median(instantiations[app.name]!),
      Number(median(seconds.get(app)!).toFixed(2)),
    ]);
    return {
      title: "What types cost",
      text: `${PROCEDURES} procedures in ten groups, each with a valibot schema of four members and a result with a date and a nested object,
and a module that calls each of them and uses what comes back: the same for all, in \`bench/types\`, checked by \`tsc\` against
the declarations that each library publishes. Of instantiations there are as many on any machine; the time is this one's. What
the schemas alone cost is in each of the others. Prism and tRPC work out what JSON makes of a result; oRPC does not, and
carries dates.`,
      tables: [
        {
          caption: `Type-checking ${PROCEDURES} procedures and their client`,
          columns: ["library", "instantiations", "seconds"],
          rows,
          data: { instantiations },
        },
      ],
    };
  },
};
