'use strict';
// Fetches the figures into the first page, which doesn't wait for them.
{
    const LONGEST = 60 * 1000;
    const section = document.getElementById('figures');
    const waiting = section.querySelector('.waiting');
    const failed = section.querySelector('.failed');

    async function load() {
        waiting.hidden = false;
        failed.hidden = true;
        try {
            const response = await fetch(section.dataset.source, {signal: AbortSignal.timeout(LONGEST)});
            if (response.redirected) {
                // To the log-in: so will be this page.
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
