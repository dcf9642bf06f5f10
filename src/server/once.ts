/**
 * What is given, where nothing was given before.
 *
 * @param known what was given before
 * @param given what is given now
 * @param problem what to say otherwise
 * @returns what is given now
 * @throws {TypeError} if something was given before
 */
export function once<Given>(known: Given | undefined, given: Given, problem: string): Given {
  if (known !== undefined) throw new TypeError(problem);
  return given;
}
