import { defineConfig } from "vitest/config";

// Tests that start processes or a browser, or that take all cores: no more of them at a time than two cores carry.
const processes = [
  "adapters",
  "bench",
  "browser",
  "client-module",
  "contract",
  "faults",
  "fuzz",
  "hostile",
  "nats",
  "package",
  "redis",
  "simulation",
  "support",
  "types",
].map((folder) => `test/${folder}/**/*.test.ts`);
const elsewhere = ["**/node_modules/**", "test/types/fixtures/**"];

// Those among them that judge no times but long ones: they wait, or have work for one core, and go three at a time.
const patient = [
  "test/{contract,package}/**/*.test.ts",
  "test/nats/{broker,broker-own,special}.test.ts",
  "test/redis/broker*.test.ts",
];

export default defineConfig({
  test: {
    retry: 0,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [...processes, ...elsewhere],
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: "types",
          include: [],
          // Errors elsewhere are for `npm run typecheck` to tell.
          typecheck: {
            enabled: true,
            only: true,
            include: ["test/**/*.test-d.ts"],
            exclude: elsewhere,
            tsconfig: "tsconfig.json",
            ignoreSourceErrors: true,
          },
        },
      },
      {
        test: {
          name: "processes",
          include: processes,
          exclude: [...patient, ...elsewhere],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "patient",
          include: patient,
          exclude: elsewhere,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
