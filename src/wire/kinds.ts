// The kinds of frame, by the character code that begins them (PROTOCOL.md, "Packets and frames"). A file that imports
// nothing: of such, bundlers write constants where they are used.

export const MESSAGE = 0;
export const CALL = 0x3f;
export const RESULT = 0x3d;
export const FAILURE = 0x21;
export const ITEM_DOWN = 0x3c;
export const ITEM_UP = 0x3e;
export const ITEMS_END = 0x2f;
export const GRANT_DOWN = 0x2b;
export const GRANT_UP = 0x2d;
export const CANCEL = 0x23;
export const CONTROL = 0x24;
export const ACKNOWLEDGE = 0x25;
export const PING = 0x28;
export const PONG = 0x29;
