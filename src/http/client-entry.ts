/*
 * What a generated client is made of: the client and the built-in client halves. scripts/generate-client.ts bundles
 * this file into the texts in generated/client-core.ts; nothing imports it at run time.
 */
export { connect as connectTo } from "../client/connect.ts";
export { rpc } from "../services/rpc/client.ts";
export { isPrismError, PrismError } from "../wire/errors.ts";

/**
 * Where the server is that a script came from.
 *
 * @param script the script's own address
 * @param prefix where the server has Prism
 * @returns the address to connect to; empty where the script's own says nothing
 */
export function toServerUrl(script: string, prefix: string): string {
  const path = `${prefix}/client.js`;
  try {
    const url = new URL(script);
    // A proxy may have put something before the prefix.
    const { pathname } = url;
    return new URL(pathname.endsWith(path) ? pathname.slice(0, -"/client.js".length) : prefix, url).href;
  } catch {
    return "";
  }
}
