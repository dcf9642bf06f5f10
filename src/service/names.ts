/** Long enough for any name, short enough for a log. */
const MAX_LENGTH = 64;

/**
 * Checks the name of a service or procedure. Names become properties of the client, so those that every object has, and
 * those that the language asks for by itself, cannot be had.
 *
 * @param name the name
 * @param what what it names, for the error
 * @throws {TypeError} if it is not letters, digits, `_`, `$` and `-`, or is taken
 */
export function checkName(name: string, what: string): void {
  if (!/^[\w$-]+$/.test(name) || name.length > MAX_LENGTH) {
    throw new TypeError(
      `Name of a ${what} is not 1 to ${MAX_LENGTH} letters, digits, _, $ or -: ${JSON.stringify(name)}`,
    );
  }
  if (name in Object.prototype || name === "then" || name === "toJSON" || name === "prototype") {
    throw new TypeError(`Name of a ${what} is taken by the language: ${JSON.stringify(name)}`);
  }
}
