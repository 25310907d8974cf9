"use strict";

// Gives the fields in which a row is chosen a name for screen readers, and moves the focus to the first error of a page.

function labelOf(select) {
    return document.querySelector(`label[for="${select.id}"]`)?.textContent.trim().replace(/:$/, "") ?? "";
}

// Select2 tells a screen reader only the chosen value, and no name of the field.
function nameComboboxes() {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
        const box = select.nextElementSibling?.querySelector(".select2-selection");
        const name = labelOf(select);
        if (box && name && box.dataset.name !== name) {
            box.dataset.name = name;
            const shown = box.querySelector(".select2-selection__rendered");
            shown.id ||= `shown-${select.id}`;
            box.removeAttribute("aria-labelledby");
            box.setAttribute("aria-label", name);
            box.setAttribute("aria-describedby", shown.id);
            // Select2 calls it a text box, without a name.
            shown.removeAttribute("role");
            shown.removeAttribute("aria-readonly");
        }
    }
    for (const input of document.querySelectorAll(".select2-search__field:not([aria-label])")) {
        input.setAttribute("aria-label", "Search");
    }
    for (const list of document.querySelectorAll(".select2-results__options:not([aria-label])")) {
        list.setAttribute("aria-label", "Found");
    }
}

const CONTROLS = "input:not([type=hidden], [aria-hidden=true]), textarea, select:not(.select2-hidden-accessible), .select2-selection";

function focusFirstError() {
    const list = document.querySelector("#content .errorlist, #content .errornote");
    const row = document.querySelector("#content .errors") ?? list?.parentElement;
    const control = row?.querySelector(CONTROLS);
    if (control) {
        control.focus();
    } else if (list) {
        list.tabIndex = -1;
        list.focus();
    }
}

// Django takes the focus of a new form to its first field, which may be hidden: by Select2, or because Enter presses it.
function focusFirstVisibleField() {
    if (document.activeElement.matches(".select2-hidden-accessible, [aria-hidden=true]")) {
        document.activeElement.form.querySelector(CONTROLS)?.focus();
    }
}

// After what jQuery does when the page is ready, which makes the boxes.
addEventListener("load", () => setTimeout(() => {
    nameComboboxes();
    new MutationObserver(nameComboboxes).observe(document.body, { childList: true, subtree: true });
    focusFirstVisibleField();
    focusFirstError();
}));
