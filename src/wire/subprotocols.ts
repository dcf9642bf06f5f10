/** The subprotocol of version 1 (PROTOCOL.md, "Transport"). */
export const PROTOCOL = "prism.1";

/** Begins the offer of a service table's hash. */
export const MANIFEST = "prism.manifest.";
