import type { Off } from "../service/emitter.ts";

interface Target {
  addEventListener?(type: string, listener: (event: { readonly persisted?: boolean }) => void): void;
  removeEventListener?(type: string, listener: (event: { readonly persisted?: boolean }) => void): void;
}

interface Page extends Target {
  readonly document?: Target & { readonly visibilityState: string };
  readonly navigator?: { readonly onLine?: boolean };
}

/**
 * Tells when the network or the tab comes back, and when the page is left, where the platform does.
 *
 * @param wake called when the network or the tab has come back, or the network has gone
 * @param leave called when the page is left for good
 * @returns takes both off again
 */
export function onWake(wake: () => void, leave: () => void): Off {
  const page = globalThis as Page;
  const { document } = page;
  const seen = (): void => {
    if (document?.visibilityState === "visible") wake();
  };
  // One that is kept for the way back is not left.
  const hidden = ({ persisted }: { readonly persisted?: boolean }): void => {
    if (persisted === false) leave();
  };
  const all = [
    [page, "online", wake],
    [page, "offline", wake],
    [page, "pagehide", hidden],
    [document, "visibilitychange", seen],
  ] as const;
  for (const [target, type, listener] of all) target?.addEventListener?.(type, listener);
  return () => {
    for (const [target, type, listener] of all) target?.removeEventListener?.(type, listener);
  };
}

/** Whether the platform knows that there is no network. */
export function isOffline(): boolean {
  return (globalThis as Page).navigator?.onLine === false;
}
