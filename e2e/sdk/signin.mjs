// Signs in with Okta's SDK (@okta/okta-auth-js) as the scenario in argv says. It tells the Go test what it
// sees, one JSON object per line on stdout, and where the phone has to act it waits for a line on stdin.
import { createInterface } from "node:readline";
import "./webcrypto.mjs";
import { OktaAuth } from "@okta/okta-auth-js";

const scenario = JSON.parse(process.argv[2]);
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function tell(event, more = {}) {
  console.log(JSON.stringify({ event, ...more }));
}

async function answerOf(event, more) {
  tell(event, more);
  return (await input.next()).value;
}

const auth = new OktaAuth({
  issuer: scenario.issuer,
  clientId: scenario.clientId,
  clientSecret: scenario.clientSecret || undefined,
  redirectUri: scenario.redirectUri,
  scopes: ["openid", "profile", "email", "groups"],
  idx: { enableLegacyMode: true }, // the SDK drives: authenticate, proceed, poll
  httpRequestInterceptors: [
    (request) => {
      request.headers = { ...request.headers, ...scenario.headers };
    },
  ],
});

function messages(tx) {
  return (tx.messages || []).map((m) => m.i18n?.key);
}

function report(tx) {
  return { status: tx.status, step: tx.nextStep?.name, messages: messages(tx) };
}

async function firstFactor() {
  let tx = await auth.idx.authenticate({ username: scenario.username, password: scenario.password });
  tell("password", report(tx));
  return tx;
}

async function choose(method) {
  let tx = await auth.idx.proceed({ authenticator: "okta_verify" });
  if (tx.nextStep?.name === "authenticator-verification-data") {
    tx = await auth.idx.proceed({ methodType: method });
  }
  tell("chosen", report(tx));
  return tx;
}

async function byPush() {
  const tx = await choose("push");
  await answerOf("waiting", { number: tx.nextStep?.authenticator?.contextualData?.correctAnswer });
  return auth.idx.poll({ refresh: tx.nextStep.poll.refresh });
}

async function byCode(first) {
  let tx = first.nextStep?.name === "challenge-authenticator" ? first : await choose("totp");
  while (tx.status === "PENDING") {
    const verificationCode = await answerOf("code", report(tx));
    if (!verificationCode) break;
    tx = await auth.idx.proceed({ verificationCode });
  }
  return tx;
}

async function main() {
  let tx = await firstFactor();
  if (scenario.method && tx.status === "PENDING" && !messages(tx).length) {
    tx = scenario.method === "push" ? await byPush() : await byCode(tx);
  }
  const claims = tx.tokens?.idToken?.claims;
  tell("end", { ...report(tx), claims, accessToken: Boolean(tx.tokens?.accessToken) });
  if (tx.tokens) {
    tell("userinfo", { claims: await auth.token.getUserInfo(tx.tokens.accessToken, tx.tokens.idToken) });
  }
}

try {
  await main();
  process.exit(0);
} catch (err) {
  tell("failed", { name: err.name, code: err.errorCode, summary: err.errorSummary, text: String(err.stack || err) });
  process.exit(1);
}
