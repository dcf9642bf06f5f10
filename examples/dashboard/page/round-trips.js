/** The button that measures round trips: fifty calls, one after another. */
import { milliseconds } from "/format.js";

const calls = 50;
const $ = (id) => document.getElementById(id);

/** The smallest value that at least this share of the sorted values does not exceed. */
function quantile(sorted, share) {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** @param ping Makes one call and waits for its answer. */
export function roundTrips(ping) {
  const button = $("measure");
  const strip = $("strip");

  function show(times) {
    const sorted = times.toSorted((a, b) => a - b);
    const [median, p95, slowest] = [quantile(sorted, 0.5), quantile(sorted, 0.95), sorted.at(-1)];
    // One slow call must not flatten the others, so the strip ends a little above the 95th percentile.
    const scale = Math.min(slowest, p95 * 1.5);
    strip.replaceChildren(
      ...times.map((time) => {
        const bar = document.createElement("i");
        bar.style.setProperty("--height", String(Math.min(1, time / scale)));
        bar.classList.toggle("slow", time > p95);
        bar.title = milliseconds(time);
        return bar;
      }),
    );
    const line = document.createElement("hr");
    line.style.setProperty("--height", String(median / scale));
    strip.append(line);
    $("strip-scale").textContent = `full height ${milliseconds(scale)}`;
    $("trip-median").textContent = milliseconds(median);
    $("trip-p95").textContent = milliseconds(p95);
    $("trip-min").textContent = milliseconds(sorted[0]);
    $("trip-max").textContent = milliseconds(slowest);
    return `${calls} calls: median ${milliseconds(median)}, 95th percentile ${milliseconds(p95)}`;
  }

  button.addEventListener("click", async () => {
    // Not `disabled`, which would take the focus away from whoever pressed the button with a keyboard.
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    button.textContent = "Measuring…";
    try {
      await ping(0); // the first call pays for waking things up
      const times = [];
      for (let i = 1; i <= calls; i++) {
        const sent = performance.now();
        await ping(i);
        times.push(performance.now() - sent);
      }
      $("trip-summary").textContent = show(times);
      button.textContent = "Measure again";
    } catch {
      $("trip-summary").textContent = "The connection was lost while measuring.";
      button.textContent = "Interrupted. Try again";
    }
    button.removeAttribute("aria-disabled");
  });
}
