/** A file that is served beside the client script. */
export interface Asset {
  /** Its name below `/prism/assets/`; segments of letters, digits, `.`, `_`, `-`, with `/` between them. */
  readonly name: string;
  /** Its media type, `text/css` say. */
  readonly type: string;
  /** What it holds. */
  readonly content: string | Uint8Array;
}

/** Where files are added to those that are served. */
export interface AssetFolder {
  /**
   * Adds a file below `/prism/assets/`.
   *
   * @param asset the file
   * @throws {TypeError} for a name that is no path of plain segments, or that another file has
   */
  add(asset: Asset): void;
}
