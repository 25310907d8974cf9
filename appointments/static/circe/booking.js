"use strict";

// Shows early what the server does with the form of an appointment: what reception has to know of the chosen customer,
// and the end of a booking that is moved by its start.
function toMinutes(clock) {
    const [hours, minutes] = clock.split(":").map(Number);
    return hours * 60 + minutes;
}

function toClock(minutes) {
    return [Math.floor(minutes / 60) % 24, minutes % 60].map((part) => String(part).padStart(2, "0")).join(":");
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
        const answer = id && (await fetch(notes.dataset.url.replace("/0/", `/${id}/`)));
        // Meanwhile the person may have chosen somebody else, or was signed out.
        if (answer?.ok && !answer.redirected && select.value === id) {
            notes.innerHTML = await answer.text();
            notes.hidden = false;
        }
    });
}

function showMovedEnd(start, end, service) {
    const length = (toMinutes(end.defaultValue) - toMinutes(start.defaultValue) + 1440) % 1440;
    const bookedService = service.value;
    const hint = document.createElement("div");
    hint.className = "help";
    hint.setAttribute("role", "status");
    start.closest(".form-row").append(hint);

    function show() {
        const isMoved = start.value && start.value !== start.defaultValue && end.value === end.defaultValue;
        hint.textContent =
            service.value !== bookedService
                ? "The end and the price follow the service, unless you change them."
                : isMoved
                  ? `It will end at ${toClock(toMinutes(start.value) + length)}, unless you change the end.`
                  : "";
    }

    start.addEventListener("input", show);
    end.addEventListener("input", show);
    django.jQuery(service).on("change", show);
}

document.addEventListener("DOMContentLoaded", () => {
    const [customer, notes, start, end, service] = [
        "id_customer", "reception-notes", "id_start_time", "id_end_time", "id_service",
    ].map((id) => document.getElementById(id));
    if (customer && notes) {
        showCustomers(customer, notes);
    }
    // A new booking has no length yet: its service gives it.
    if (start?.defaultValue && end?.defaultValue && service) {
        showMovedEnd(start, end, service);
    }
});
