// Does with Okta's SDK (@okta/okta-auth-js) what the Go test says, one call of its idx interface per line on stdin, and
// tells after each what the SDK makes of the answer, as one JSON object per line on stdout.
import { createInterface } from "node:readline";
import "./webcrypto.mjs";
import { OktaAuth } from "@okta/okta-auth-js";
import { SoftKey } from "./softkey.mjs";

const setup = JSON.parse(process.argv[2]);
const auth = new OktaAuth({
  issuer: setup.issuer,
  clientId: setup.clientId,
  clientSecret: setup.clientSecret || undefined,
  redirectUri: setup.redirectUri,
  scopes: ["openid", "profile", "email"],
  idx: { enableLegacyMode: true }, // the SDK drives: authenticate, proceed, poll
});
const key = new SoftKey(setup.origin);
let last;

function report(tx) {
  last = tx;
  const step = tx.nextStep;
  const inputs = step?.inputs || [];
  const values = (o) => (typeof o.value === "string" ? o.value : o.label);
  return {
    status: tx.status,
    step: step?.name,
    inputs: inputs.map((i) => i.name),
    options: (inputs.find((i) => i.options)?.options || step?.options || []).map(values),
    authenticator: step?.authenticator?.key,
    authenticatorId: step?.authenticator?.id,
    contextual: step?.authenticator?.contextualData,
    canSkip: Boolean(step?.canSkip),
    canResend: Boolean(step?.canResend),
    refresh: step?.poll?.refresh,
    features: tx.enabledFeatures || [],
    steps: (tx.availableSteps || []).map((s) => s.name),
    messages: (tx.messages || []).map((m) => m.i18n?.key),
    claims: tx.tokens?.idToken?.claims,
    accessToken: Boolean(tx.tokens?.accessToken),
  };
}

// passkey answers a WebAuthn step with the SDK's own helpers, where a browser would.
async function passkey() {
  const { contextualData } = last.nextStep.authenticator;
  const enrolled = last.nextStep.authenticatorEnrollments;
  if (contextualData.activationData) {
    const options = OktaAuth.webauthn.buildCredentialCreationOptions(contextualData.activationData, enrolled);
    return auth.idx.proceed(OktaAuth.webauthn.getAttestation(key.create(options.publicKey)));
  }
  const options = OktaAuth.webauthn.buildCredentialRequestOptions(contextualData.challengeData, enrolled);
  return auth.idx.proceed(OktaAuth.webauthn.getAssertion(key.get(options.publicKey)));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { call, options } = JSON.parse(line);
  try {
    const tx = call === "passkey" ? await passkey() : await auth.idx[call](options || {});
    console.log(JSON.stringify({ event: "did", ...report(tx) }));
  } catch (err) {
    console.log(JSON.stringify({ event: "failed", text: String(err.errorSummary || err.message || err) }));
  }
}
