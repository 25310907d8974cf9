"use strict";

// An open sheet stays current: it is fetched each minute, and when the person returns to the tab. The visible card
// and the focus stay where they are.
const REFRESH_INTERVAL_MS = 60_000;
const sheet = document.getElementById("sheet");
const stale = document.getElementById("stale");

function keyOf(element) {
    return `${element.closest("[id]").id} ${element.value ?? element.href}`;
}

function replaceSheet(newSheet) {
    const focus = sheet.contains(document.activeElement) && keyOf(document.activeElement);
    const seen = [...sheet.querySelectorAll(".card")].find((card) => card.getBoundingClientRect().bottom > 0);
    const top = seen?.getBoundingClientRect().top;
    sheet.replaceChildren(...newSheet.childNodes);
    if (focus) {
        [...sheet.querySelectorAll("a, button")].find((element) => keyOf(element) === focus)?.focus({ preventScroll: true });
    }
    const still = seen && document.getElementById(seen.id);
    if (still) {
        scrollBy(0, still.getBoundingClientRect().top - top);
    }
}

// Whether nobody sees the sheet, or the person presses a button or selects text, such as a phone number.
function mayNotChange() {
    return document.hidden || sheet.matches(":active") || !getSelection().isCollapsed;
}

let last = 0;

async function refresh() {
    if (mayNotChange()) {
        return;
    }
    const number = ++last;
    try {
        const answer = await fetch(location.href, { signal: AbortSignal.timeout(20_000) });
        if (answer.redirected) {
            location.reload(); // to sign in again
            return;
        }
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const newSheet = page.getElementById("sheet");
        // Meanwhile a later refresh may have begun, or the person may have pressed a button.
        if (number === last && !mayNotChange()) {
            replaceSheet(newSheet);
            stale.hidden = true;
        }
    } catch {
        if (number === last) {
            stale.hidden = false;
        }
    }
}

setInterval(refresh, REFRESH_INTERVAL_MS);
document.addEventListener("visibilitychange", refresh);
