/** The workloads, in the order in which they run and stand on the page; each is a file of `bench/workloads`. */
export const order: readonly string[] = [
  "rpc",
  "payload",
  "open-loop",
  "wire-bytes",
  "sessions",
  "fan-out",
  "idle-memory",
  "storms",
  "real-client",
  "growth",
  "original",
  "size",
  "types",
];
