// What runs anywhere can be imported anywhere, and importing it does nothing.
const before = Object.keys(globalThis).length;
const modules = await Promise.all([
  import("@prismrt/prism"),
  import("@prismrt/prism/client"),
  import("@prismrt/prism/middleware/rate-limit"),
  import("@prismrt/prism/services/rpc"),
  import("@prismrt/prism/services/rpc/client"),
  import("@prismrt/prism/session"),
  import("@prismrt/prism/testing"),
]);
const empty = modules.filter((module) => Object.keys(module).length === 0).length;
console.log(
  `imported ${JSON.stringify({ modules: modules.length, empty, globals: Object.keys(globalThis).length - before })}`,
);
export {};
