/** Defects that are known and not mended yet, by what is said of them. Empty is what it is to be. */
export const known: readonly RegExp[] = [];
