// Signs in, and gives the access token to Swagger UI, which sends it with each request that is tried out.
"use strict";

const signIn = document.querySelector("#sign-in");
const { account, email, password } = signIn.elements;
const said = signIn.querySelector("output");

account?.addEventListener("change", () => {
  const chosen = account.selectedOptions[0];
  email.value = chosen.value;
  password.value = chosen.dataset.password || "";
});

// Returns the URL at which the account with this e-mail address signs in. All but the demo's accounts sign in as staff.
const urlFor = (address) => {
  const known = [...(account?.options || [])].find((option) => option.value === address);
  return known?.dataset.url || signIn.dataset.url;
};

signIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch(urlFor(email.value), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email: email.value, password: password.value }),
    });
    const body = await answer.json();
    if (!answer.ok) {
      said.value = body.detail;
      return;
    }
    ui.preauthorizeApiKey("bearerAuth", body.access);
    said.value = `Signed in as ${email.value}: requests that you try out are sent with your token.`;
  } catch {
    said.value = "The server did not answer. Try again in a moment.";
  }
});
