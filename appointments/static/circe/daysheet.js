"use strict";

// A sheet left open stays true: it is fetched anew each minute, and when one comes back to it. What one
// looks at stays where it is.
const EVERY = 60_000;
const sheet = document.getElementById("sheet");
const stale = document.getElementById("stale");

function place(element) {
    return `${element.closest("[id]").id} ${element.value ?? element.href}`;
}

function show(fresh) {
    const focus = sheet.contains(document.activeElement) && place(document.activeElement);
    const seen = [...sheet.querySelectorAll(".card")].find((card) => card.getBoundingClientRect().bottom > 0);
    const top = seen?.getBoundingClientRect().top;
    sheet.replaceChildren(...fresh.childNodes);
    if (focus) {
        [...sheet.querySelectorAll("a, button")].find((element) => place(element) === focus)?.focus({ preventScroll: true });
    }
    const still = seen && document.getElementById(seen.id);
    if (still) {
        scrollBy(0, still.getBoundingClientRect().top - top);
    }
}

async function renew() {
    // Not under somebody's finger, nor while a phone number is being copied.
    if (document.hidden || sheet.matches(":active") || !getSelection().isCollapsed) {
        return;
    }
    try {
        const answer = await fetch(location.href, { signal: AbortSignal.timeout(20_000) });
        if (answer.redirected) {
            location.reload(); // to sign in again
            return;
        }
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        show(page.getElementById("sheet"));
        stale.hidden = true;
    } catch {
        stale.hidden = false;
    }
}

setInterval(renew, EVERY);
document.addEventListener("visibilitychange", renew);
