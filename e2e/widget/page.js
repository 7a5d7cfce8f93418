// Signs in with Okta's widget at the org that the address names, and leaves the outcome where the Go test finds it.
const { searchParams: asked, origin } = new URL(location.href);

const widget = new OktaSignIn({
  issuer: asked.get("issuer"),
  clientId: asked.get("clientId"),
  redirectUri: origin + "/",
  scopes: ["openid", "profile", "email", "groups"],
  language: "en",
  assets: { baseUrl: "/dist" }, // and not Okta's CDN
  features: { rememberMe: false }, // no user name from last time comes late into the field
});

widget
  .showSignInToGetTokens({ el: "#widget" }) // verifies the ID token
  .then(async ({ idToken, accessToken }) => {
    const user = await widget.authClient.token.getUserInfo(accessToken, idToken);
    window.outcome = { claims: idToken.claims, user };
  })
  .catch((err) => (window.outcome = { failure: String(err) }));

// Okta's messages name a text of the widget and the values in it; where they do not fit, the widget shows this.
new MutationObserver(() => {
  const [lost] = document.body.innerText.match(/L10N_ERROR\[.*?\]/) || [];
  if (lost) throw new Error(`the widget has no words: ${lost}`);
}).observe(document.body, { childList: true, subtree: true, characterData: true });
