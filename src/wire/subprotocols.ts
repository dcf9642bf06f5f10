/** The subprotocol of version 1 (PROTOCOL.md, "Transport"). */
export const PROTOCOL = "prism.1";

/** Begins the offer to resume: token, `.`, and how many counted frames were received. */
export const RESUME = "prism.resume.";

/** Begins the offer of a service table's hash. */
export const MANIFEST = "prism.manifest.";
