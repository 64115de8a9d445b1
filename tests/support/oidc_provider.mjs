// The provider of the tests of sign-in: the npm package oidc-provider in the folder OIDC_PROVIDER, on a free port. It prints
// its address. POST /control with JSON sets it up: redirectUri, users (claims by account), clockSeconds (ahead), algorithm,
// keys (a generation), claims (over those of ID tokens), inToken (true: all claims are in the ID token).
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";
import path from "node:path";
import process from "node:process";

const require = createRequire(path.join(path.resolve(process.env.OIDC_PROVIDER), "package.json"));
console.warn = console.info = () => {};
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

const CLIENT = { client_id: "han-sync", client_secret: "a secret, of the receiver & provider" };
const settings = { users: {}, clockSeconds: 0, algorithm: "RS256", keys: 0, claims: {}, inToken: false, redirectUri: "" };
const requests = {};
const now = Date.now.bind(Date);
Date.now = () => now() + settings.clockSeconds * 1000;

let provider;
let issuer;
let generation = 0; // of keys: each rebuilt provider has its own

function jwks() {
  const make = (type, options, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }), alg, use: "sig", kid: `${alg}-${generation}` });
  return { keys: [make("rsa", { modulusLength: 2048 }, "RS256"), make("rsa", { modulusLength: 2048 }, "PS256"), make("ec", { namedCurve: "P-256" }, "ES256"), make("ed25519", {}, "EdDSA")] };
}

function rebuild() {
  generation += 1;
  provider = new Provider(issuer, {
    clients: [{ ...CLIENT, redirect_uris: [settings.redirectUri], id_token_signed_response_alg: settings.algorithm }],
    jwks: jwks(),
    cookies: { keys: ["of the tests"] },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA", "HS256"] },
    scopes: ["openid", "email", "profile", "groups"],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username"], groups: ["groups", "_claim_names"] },
    conformIdTokenClaims: !settings.inToken,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true, methods: ["S256"] },
    ttl: { AuthorizationCode: 60, IdToken: 60, AccessToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    interactions: { url: (ctx, interaction) => `/choose/${interaction.uid}` },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: `sub-${id}`, ...settings.users[id] }) }),
    async loadExistingGrant(ctx) {
      const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope("openid email profile groups");
      await grant.save();
      return grant;
    },
  });
  const payload = provider.IdToken.prototype.payload;
  provider.IdToken.prototype.payload = async function () {
    return { ...(await payload.call(this)), ...settings.claims };
  };
}

async function body(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}

async function respond(request, response) {
  const route = request.url.split("?")[0];
  requests[route] = (requests[route] ?? 0) + 1;
  if (route === "/control") {
    Object.assign(settings, JSON.parse((await body(request)) || "{}"));
    const before = provider?.settingsText;
    const text = JSON.stringify([settings.redirectUri, settings.algorithm, settings.keys, settings.inToken]);
    if (before !== text) rebuild();
    provider.settingsText = text;
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ requests }));
  }
  if (route.startsWith("/choose/")) {
    if (request.method === "POST") {
      const login = new URLSearchParams(await body(request)).get("login");
      const result = login ? { login: { accountId: login } } : { error: "access_denied", error_description: "<b>cancelled</b>" };
      return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    const buttons = Object.keys(settings.users).map((name) => `<button name="login" value="${name}">Continue as ${name}</button>`);
    response.setHeader("content-type", "text/html");
    return response.end(`<!doctype html><title>Provider</title><form method="post">${buttons.join(" ")}<button name="login" value="">Cancel</button></form>`);
  }
  return provider.callback()(request, response);
}

const server = createServer((request, response) => respond(request, response).catch((error) => { response.statusCode = 500; response.end(String(error)); }));
server.listen(0, "127.0.0.1", () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(`listening on ${issuer}`);
});
process.stdin.resume().on("end", () => process.exit(0));
