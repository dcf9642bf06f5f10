import type { Off } from "../service/emitter.ts";

interface Target {
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

interface Page extends Target {
  readonly document?: Target & { readonly visibilityState: string };
}

/**
 * Tells when the network or the tab comes back, where the platform does.
 *
 * @param wake what to call
 * @returns takes it off again
 */
export function onWake(wake: () => void): Off {
  const page = globalThis as Page;
  const { document } = page;
  const seen = (): void => {
    if (document?.visibilityState === "visible") wake();
  };
  page.addEventListener?.("online", wake);
  document?.addEventListener?.("visibilitychange", seen);
  return () => {
    page.removeEventListener?.("online", wake);
    document?.removeEventListener?.("visibilitychange", seen);
  };
}
