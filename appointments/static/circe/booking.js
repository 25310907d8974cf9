"use strict";

// Shows early what the server does with the form of an appointment: what reception has to know of the chosen customer, the
// free times of the day, and the end of a booking that is moved by its start.
const WAIT_FOR_TYPING_MS = 300;

function toMinutes(clock) {
    const [hours, minutes] = clock.split(":").map(Number);
    return hours * 60 + minutes;
}

function toClock(minutes) {
    return [Math.floor(minutes / 60) % 24, minutes % 60].map((part) => String(part).padStart(2, "0")).join(":");
}

// Returns the text at this address, or "" if the server can't be reached or refuses, or if the person was signed out.
async function fetchText(url) {
    try {
        const answer = await fetch(url);
        return answer.ok && !answer.redirected ? await answer.text() : "";
    } catch {
        return "";
    }
}

function showCustomers(select, notes) {
    let shown = select.value;
    // Django's choice of a row tells of a change by jQuery only, and of one that is none when the page has been loaded.
    django.jQuery(select).on("change", async () => {
        const id = select.value;
        if (id === shown) {
            return;
        }
        shown = id;
        notes.hidden = true;
        const text = id && (await fetchText(notes.dataset.url.replace("/0/", `/${id}/`)));
        // Meanwhile the person may have chosen somebody else.
        if (text && select.value === id) {
            notes.innerHTML = text;
            notes.hidden = false;
        }
    });
}

// The lists of services and staff begin with the customer's favourites.
function sendCustomerWithSearches(customer) {
    django.jQuery.ajaxPrefilter((options) => {
        if (customer.value && /(^|&)model_name=appointment(&|$)/.test(options.data ?? "")) {
            options.data += `&customer=${customer.value}`;
        }
    });
}

function chooseRow(select, id, name) {
    if (select.value !== id) {
        if (![...select.options].some((option) => option.value === id)) {
            select.append(new Option(name, id));
        }
        django.jQuery(select).val(id).trigger("change");
    }
}

function setValue(input, value) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
}

function offerFreeTimes(list, { service, staff, outlet, day, start, end, endBefore }) {
    let asked = "";
    let timer;

    function query() {
        return new URLSearchParams({
            service: service.value,
            staff: staff.value,
            outlet: outlet.value,
            day: day.value,
            appointment: list.dataset.appointment,
        }).toString();
    }

    async function load() {
        const now = query();
        if (now === asked) {
            return;
        }
        asked = now;
        const text = service.value && day.value && (await fetchText(`${list.dataset.url}?${now}`));
        // Meanwhile the person may have chosen something else.
        if (now === asked) {
            list.hidden = !text;
            list.innerHTML = text;
            markChosen();
            if (!text) {
                asked = "";
            }
        }
    }

    function markChosen() {
        for (const button of list.querySelectorAll("button")) {
            const isChosen = button.dataset.start === start.value && button.dataset.day === day.value;
            button.setAttribute("aria-pressed", isChosen);
        }
    }

    list.addEventListener("click", ({ target }) => {
        const slot = target.closest("button")?.dataset;
        if (slot) {
            day.value = slot.day;
            setValue(start, slot.start);
            // Empty or as before, the server sets the end: a new booking lasts as its service, a moved one as before.
            setValue(end, endBefore ?? "");
            chooseRow(staff, slot.staff, slot.staffName);
            chooseRow(outlet, slot.outlet, slot.outletName);
            markChosen();
            start.scrollIntoView({ block: "nearest" });
        }
    });
    for (const select of [service, staff, outlet]) {
        django.jQuery(select).on("change", load);
    }
    day.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(load, WAIT_FOR_TYPING_MS);
    });
    start.addEventListener("input", markChosen);
    load();
}

// `before` has the values that are stored: a form that was refused shows what the person wrote.
function showMovedEnd(start, end, service, before) {
    const length = (toMinutes(before.end) - toMinutes(before.start) + 1440) % 1440;
    const hint = document.createElement("div");
    hint.className = "help";
    hint.setAttribute("role", "status");
    start.closest(".form-row").append(hint);

    function show() {
        const isMoved = start.value && start.value !== before.start && end.value === before.end;
        hint.textContent =
            service.value !== before.service
                ? "The end and the price follow the service, unless you change them."
                : isMoved
                  ? `It will end at ${toClock(toMinutes(start.value) + length)}, unless you change the end.`
                  : "";
    }

    start.addEventListener("input", show);
    end.addEventListener("input", show);
    django.jQuery(service).on("change", show);
    show();
}

document.addEventListener("DOMContentLoaded", () => {
    const [customer, notes, list, start, end, service, staff, outlet, day] = [
        "id_customer", "reception-notes", "free-times", "id_start_time", "id_end_time", "id_service", "id_staff",
        "id_outlet", "id_appointment_date",
    ].map((id) => document.getElementById(id));
    if (customer && notes) {
        showCustomers(customer, notes);
        sendCustomerWithSearches(customer);
    }
    // A new booking has no length yet: its service gives it.
    const [startBefore, endBefore, serviceBefore] = ["start_time", "end_time", "service"].map(
        (name) => document.getElementById(`initial-id_${name}`)?.value.replace(/^(\d\d:\d\d):00$/, "$1"),
    );
    if (startBefore && endBefore && start && end && service) {
        showMovedEnd(start, end, service, { start: startBefore, end: endBefore, service: serviceBefore });
    }
    if (list && start && service) {
        offerFreeTimes(list, { service, staff, outlet, day, start, end, endBefore });
    }
});
