'use strict';
// Loads the figures into the first page after the page itself.
{
    const TIMEOUT_MS = 60 * 1000;
    const section = document.getElementById('figures');
    const waiting = section.querySelector('.waiting');
    const failed = section.querySelector('.failed');

    async function load() {
        waiting.hidden = false;
        failed.hidden = true;
        try {
            const response = await fetch(section.dataset.source, {signal: AbortSignal.timeout(TIMEOUT_MS)});
            if (response.redirected) {
                // The session has ended: reloading the page leads to the log-in.
                location.reload();
                return;
            }
            if (!response.ok) {
                throw new Error(response.statusText);
            }
            const page = new DOMParser().parseFromString(await response.text(), 'text/html');
            section.replaceChildren(...page.getElementById('figures').childNodes);
        } catch {
            waiting.hidden = true;
            failed.hidden = false;
        }
    }

    failed.querySelector('button').addEventListener('click', load);
    load();
}
