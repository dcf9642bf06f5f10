/** Signs the cookies of the servers under attack. */
export const SECRET = "the secret of the hostile servers, new";
/** Has signed them before, and is on its way out. */
export const OLD_SECRET = "the secret of the hostile servers, old";
/** How long sessions last in the apps that have little time, in ms. */
export const BRIEF = 700;
export const IDLE = 400;
