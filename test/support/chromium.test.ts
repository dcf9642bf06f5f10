import { expect, test } from "vitest";
import { launchChromium } from "./chromium.ts";

test("Chromium starts and runs a module", async () => {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.setContent(`<script type="module">document.title = String(await Promise.resolve(6 * 7))</script>`);
    await page.waitForFunction("document.title === '42'");
    expect(browser.version()).toMatch(/^\d+\./);
  } finally {
    await browser.close();
  }
});
