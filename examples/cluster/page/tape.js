/** The numbered messages, and whether any was missed. */

const $ = (id) => document.getElementById(id);
/** Squares that are kept. */
const kept = 240;

export function tape() {
  const strip = $("tape");
  let received = 0;
  let recovered = 0;
  let missed = 0;
  /** Gaps of which nobody knows how many messages are in them. */
  let gaps = 0;
  let next;
  let away = false;

  function put(className, title) {
    const square = document.createElement("i");
    square.className = className;
    square.title = title;
    strip.append(square);
    while (strip.childElementCount > kept) strip.firstElementChild.remove();
    return square;
  }

  function tell() {
    $("received").textContent = received;
    $("recovered").textContent = recovered;
    $("missed").textContent = gaps > 0 ? `${missed} or more` : missed;
    const verdict = missed > 0 ? `${missed} missed` : gaps > 0 ? "Some may be missing" : "Nothing missed";
    const whole = missed === 0 && gaps === 0;
    $("verdict").dataset.state = whole ? "whole" : "missed";
    // Said again only when it is something else: it is read out.
    if ($("verdict").textContent !== verdict) $("verdict").textContent = verdict;
  }

  return {
    hear({ name }, { offset, recovered: late }) {
      if (next !== undefined && offset > next) {
        missed += offset - next;
        put("gap", `${next} to ${offset - 1} are missing`);
      }
      next = offset + 1;
      received += 1;
      // What a page begins with was published before it was there, and is not what it has caught up with.
      const caught = late && away;
      if (caught) recovered += 1;
      const square = put(caught ? "late" : "", `${offset} from ${name}`);
      square.dataset.node = name;
      square.dataset.offset = offset;
      $("last").textContent = offset;
      tell();
    },
    /** The channel goes on, over another connection: from where it was, or somewhere. */
    again(whole) {
      away = true;
      if (whole) return;
      gaps += 1;
      // Where the history itself is gone, numbers begin anew.
      next = undefined;
      put("gap", "Something may be missing");
      tell();
    },
  };
}
