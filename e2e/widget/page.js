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
