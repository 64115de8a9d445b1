// The run of scripts/browse: a receiver with a sample team, and a browser that looks at every view.
import { spawn, execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

const { RECEIVER, CHROMIUM, OUT } = process.env;
const require = createRequire(path.resolve(OUT, "package.json"));
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");
const folder = mkdtempSync(path.join(tmpdir(), "han-browse-"));
const store = `sqlite:${folder}/team.db`;
const shots = path.resolve(OUT, "screenshots");
rmSync(shots, { recursive: true, force: true });
mkdirSync(shots, { recursive: true });

const DAY = 86_400_000;
const faults = [];

function admin(...words) {
  return execFileSync(RECEIVER, ["--store", store, "--json", "admin", ...words], { encoding: "utf8" });
}

function key(login) {
  return JSON.parse(admin("key", "create", login, "--label", "laptop")).key;
}

// Starts a program that prints its address, and returns both.
async function start(program, words, env = {}) {
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, ...env } });
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /listening on (\S+)/.exec(line);
    if (found) return [child, found[1]];
  }
  throw new Error(`${program} has not started`);
}

async function serve(...flags) {
  return start(RECEIVER, ["serve", "--listen", "127.0.0.1:0", "--store", store, ...flags]);
}

async function sync(base, key, clientId, client, sessions) {
  const payload = {
    version: "1.0", clientId, userId: "unknown", timestamp: new Date().toISOString(),
    cursor: { lastSessionId: null, lastMessageLineNumber: 0, lastSyncTimestamp: "" }, sessions, client,
  };
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(`${base}/api/sync`, { method: "POST", headers, body: JSON.stringify(payload) });
  if (![200, 207, 422].includes(response.status)) throw new Error(`sync: ${response.status} ${await response.text()}`);
}

// A machine that waits for a key.
async function askForKey(base, machine) {
  const body = new URLSearchParams({ client_id: "han-sync", device_name: machine });
  return (await fetch(`${base}/oauth/device_authorization`, { method: "POST", body })).json();
}

const text = (content) => JSON.stringify({ message: { content } });

function session(n, repository, branch, model, prNumber) {
  const start = Date.now() - (n % 27) * DAY - 3_600_000;
  const at = (minute) => new Date(start + minute * 60_000).toISOString();
  const messages = [];
  for (let line = 0; line < 6 + (n * 7) % 23; line++) {
    const isUser = line % 4 === 0;
    messages.push({
      id: `m-${n}-${line}`, lineNumber: line, messageType: isUser ? "user" : "assistant", timestamp: at(line), contentHash: "0000000000000000",
      content: text(isUser ? "Please add paging to the list of sessions, and a test." : "Added keyset pagination. The test follows all pages and finds each session once."),
      inputTokens: isUser ? null : 1200 + 130 * line, outputTokens: isUser ? null : 420 + 37 * n, cacheReadTokens: isUser ? null : 42_000 + 900 * n,
      cacheCreationTokens: isUser ? null : 5_300, model: isUser ? null : model, usageId: isUser ? null : `u-${n}-${line}`, gitBranch: branch,
      linesAdded: isUser ? null : line * 3, linesRemoved: isUser ? null : line, toolName: line % 5 === 2 ? "Bash" : null,
    });
  }
  const task = (id, subject, status) => ({ id: `t${id}`, taskId: `t${id}`, subject, description: "As agreed.", status, createdAt: at(0), updatedAt: at(3) });
  return {
    id: `0f6d${n.toString(16).padStart(4, "0")}-58cc-4372-a567-0e02b2c3d479`, projectSlug: "x", repoRemote: `https://github.com/acme-corp/${repository}`,
    status: n % 3 ? "completed" : "active", slug: ["quiet-harbor", "green-signal", "early-river", "plain-meadow"][n % 4] + "-" + n, messages,
    tasks: n % 2 ? [task(1, "Add keyset pagination", "completed"), task(2, "Write the test", "in_progress")] : [],
    lastModified: at(30), totalMessageCount: messages.length, inclusion: "organization", harness: "claude-code",
    ...(prNumber ? { prNumber, prUrl: `https://github.com/acme-corp/${repository}/pull/${prNumber}` } : {}),
  };
}

async function fill(base, keys) {
  const repositories = ["api", "web", "infrastructure", "design-system"];
  const branches = ["main", "feature/keyset-paging", "fix/clock-skew", "docs"];
  const models = ["claude-opus-4-5-20251101", "claude-sonnet-4-5", "gpt-5", "in-house-model"];
  for (const [u, login] of Object.keys(keys).entries()) {
    const sessions = [];
    for (let n = u; n < 66; n += 3) {
      sessions.push(session(n, repositories[(n * 5) % 4], branches[n % 4], models[(n * 3) % 4], n % 4 === 1 ? 140 + n : null));
    }
    const waits = login === "dana";
    await sync(base, keys[login], `client-of-${login}`, {
      version: "0.1.0", os: u % 2 ? "macos" : "linux", pendingSessions: waits ? 4 : 0, pendingMessages: waits ? 1_286 : 0,
      pendingSince: waits ? new Date(Date.now() - 2 * DAY).toISOString() : null, conditions: waits ? ["OVERDUE", "SCHEDULE_SILENT", "KEY_EXPIRES_SOON"] : [],
    }, sessions);
  }
  // The id of a session of alice's: a conflict, which an admin is to resolve.
  await sync(base, keys.dana, "client-of-dana", undefined, [session(0, "api", "main", "gpt-5")]);
}

const SIZES = [[375, 812], [1440, 900]];

// Takes a picture of one view, and finds one that is wider than the screen.
async function look(page, name, label) {
  const shot = path.join(shots, `${name}-${label}.png`);
  await page.screenshot({ path: shot, fullPage: true });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) faults.push(`${name} ${label}: ${wide} px wider than the screen`);
}

async function audit(context, url, name, label) {
  // axe needs script, which the policy forbids: the same view in a context that bypasses the policy.
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(`${await import("node:fs").then((fs) => fs.readFileSync(axe, "utf8"))};0`);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const violation of result.violations) {
    const nodes = violation.nodes.slice(0, 3).map((node) => node.target.join(" ") + " " + (node.failureSummary ?? "").split("\n").slice(1, 3).join(" "));
    faults.push(`${name} ${label}: ${violation.id}: ${violation.help} (${nodes.join("; ")})`);
  }
  await page.close();
}

async function signIn(page, base, key) {
  await page.goto(`${base}/sign-in`);
  await page.fill("#key", key);
  await page.click("main button");
  await page.waitForURL(`${base}/`);
}

function check(holds, what) {
  if (!holds) faults.push(what);
}

// Uses the page as a person does, without script.
async function use(browser, base, keys) {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1440, height: 900 }, acceptDownloads: true });
  const page = await context.newPage();
  await signIn(page, base, keys.alice);
  await page.click("text=Filter");
  await page.fill("#filter-repository", "github.com/acme-corp/api");
  await page.click("text=Apply");
  check(page.url().includes("repository=") && (await page.content()).includes("acme-corp/api"), "the filter is in the URL");
  await page.goto(`${base}/sessions`);
  await page.click("text=Next page");
  check(page.url().includes("after="), "the list has a next page");
  await page.goto(`${base}/sessions`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a.csv")]);
  check(download.suggestedFilename() === "sessions.csv", "the CSV is a file");
  await page.goto(`${base}/keys`);
  await page.fill("#label", "trial");
  await page.click("text=Make a key >> nth=-1");
  check(/han_[0-9a-f]{64}/.test(await page.content()), "a new key is shown once");
  await page.click("tr:has-text('trial') button");
  check((await page.content()).includes("revoked"), "the key is revoked");
  const begun = await askForKey(base, "laptop");
  await page.goto(begun.verification_uri_complete);
  await page.click("text=Approve for alice");
  check((await page.content()).includes("Approved"), "a machine is approved");
  await page.goto(`${base}/clients`);
  check((await page.content()).includes("failing") && (await page.content()).includes("han-sync login"), "the failing client and its remedy show");
  await page.click("text=Sign out");
  check(page.url() === `${base}/sign-in`, "sign-out leads to the sign-in");
  await context.close();
}

// Puts markup into every text of a session, and finds it run nowhere.
async function attack(browser, base, keys, views) {
  const markup = `"'><img src=x onerror="document.title='attacked'"><script>document.title='attacked'</script>`;
  const hostile = session(70, "web", markup, markup, 7);
  Object.assign(hostile, { slug: markup, projectSlug: markup, harness: markup, teamName: markup });
  hostile.messages.forEach((message) => Object.assign(message, { content: text(markup), toolName: markup, agentId: markup }));
  hostile.tasks = [{ id: "x", taskId: "x", subject: markup, description: markup, status: "pending", createdAt: hostile.lastModified, updatedAt: hostile.lastModified }];
  await sync(base, keys.bob, "client-of-bob", { version: markup, os: markup, pendingSessions: 1, pendingMessages: 1, pendingSince: null, conditions: [markup] }, [hostile]);
  const device = await askForKey(base, markup);
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await signIn(page, base, keys.alice);
  const query = new URLSearchParams({ repository: markup, branch: markup, user: markup, model: markup });
  const opened = [...Object.values(views), `/sessions/${hostile.id}`, "/?from=2020-01-01", `/?${query}`, `/sessions?${query}`, `/device?user_code=${encodeURIComponent(markup)}`, `/device?user_code=${device.user_code}`];
  for (const url of opened) {
    await page.goto(base + url);
    const found = await page.evaluate(() => document.title === "attacked" || document.querySelector("img, script, [onerror]") !== null);
    check(!found, `${url}: text of a session is markup`);
  }
  await page.goto(`${base}/sessions/${hostile.id}`);
  check((await page.content()).includes("&lt;img src=x"), "the text shows as text");
  await context.close();
}

// Posts every form from a page of another site, with the viewer's cookies where the browser sends them.
async function postAcross(browser, base, keys) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signIn(page, base, keys.alice);
  const before = admin("key", "list");
  const site = createServer((_, response) => {
    const forms = ["/keys", "/forget", "/device", "/sign-out", "/sign-out-everywhere"].map(
      (action) => `<form method="post" action="${base}${action}"><input name="token" value="0"><input name="days" value="30"><button>${action}</button></form>`,
    );
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><title>Another site</title>${forms.join("")}`);
  });
  await new Promise((ready) => site.listen(0, "127.0.0.1", ready));
  for (const action of ["/keys", "/forget", "/device", "/sign-out", "/sign-out-everywhere"]) {
    await page.goto(`http://localhost:${site.address().port}/`);
    const [response] = await Promise.all([page.waitForNavigation(), page.click(`text="${action}"`)]);
    check(response.status() >= 400 || new URL(response.url()).pathname === "/sign-in", `${action} from another site: ${response.status()}`);
  }
  site.close();
  check(admin("key", "list") === before, "no key is made from another site");
  await page.goto(`${base}/me`);
  check(page.url() === `${base}/me`, "and nobody is signed out from there");
  await context.close();
}

// Opens every view as somebody of another organization.
async function trespass(browser, base, views) {
  admin("org", "create", "globex", "--owner", "github.com/globex");
  admin("user", "create", "mallory", "--org", "globex", "--role", "admin");
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await signIn(page, base, key("mallory"));
  for (const [name, url] of Object.entries(views).filter(([name]) => name !== "device")) {
    for (const path of [url, url.replace(/(\?|$)/, ".csv$1")]) {
      const response = await context.request.get(base + path);
      const body = await response.text();
      const seen = ["quiet-harbor", "dana", "Added keyset"].filter((secret) => body.includes(secret));
      check(seen.length === 0, `${path}: a stranger sees ${seen} of acme's`);
    }
  }
  await context.close();
}

// Signs in through a provider, with a group, and again without it.
async function signInThroughProvider(browser) {
  const folderOfProvider = process.env.OIDC_PROVIDER;
  if (!folderOfProvider) {
    console.error("SKIPPED: sign-in through a provider was not tried in the browser");
    return;
  }
  const [provider, issuer] = await start(process.execPath, ["tests/support/oidc_provider.mjs"], { OIDC_PROVIDER: folderOfProvider });
  const secret = path.join(folder, "secret");
  writeFileSync(secret, "a secret, of the receiver & provider\n");
  const [receiver, base] = await serve("--oidc-issuer", issuer, "--oidc-client-id", "han-sync", "--oidc-client-secret-file", secret, "--oidc-create");
  try {
    const control = (settings) => fetch(`${issuer}/control`, { method: "POST", body: JSON.stringify(settings) });
    await control({ redirectUri: `${base}/sign-in/oidc/callback`, users: { erin: { preferred_username: "erin", groups: ["devs"] } } });
    admin("org", "set", "acme", "--oidc-group", "devs");
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    const signInAs = async (button) => {
      await page.goto(`${base}/sign-in`);
      await page.click("a.button");
      await page.click(`text=${button}`);
      await page.waitForURL((url) => url.origin === base);
    };
    await signInAs("Cancel");
    check(page.url() !== `${base}/`, "somebody who cancels is not signed in");
    await signInAs("Continue as erin");
    check(page.url() === `${base}/`, `signed in through the provider, the page is the overview: ${page.url()}`);
    check(admin("member", "list").includes("erin"), "the group makes a member");
    await page.goto(`${base}/keys`);
    await page.fill("#label", "trial");
    await page.click("text=Make a key >> nth=-1");
    check(/han_[0-9a-f]{64}/.test(await page.content()), "and makes a key");
    await page.click("text=Sign out >> nth=0");
    await control({ users: { erin: { preferred_username: "erin", groups: [] } } });
    await context.clearCookies({ domain: new URL(issuer).hostname });
    await signInAs("Continue as erin");
    check(!admin("member", "list").includes("erin"), "without the group the membership ends");
    await context.close();
  } finally {
    receiver.kill();
    provider.kill();
  }
}

async function main() {
  const [receiver, base] = await serve();
  let browser;
  try {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
    const first = await browser.newPage();
    await first.goto(base);
    await first.screenshot({ path: path.join(shots, "first-visit.png") });
    await first.close();
    admin("org", "create", "acme", "--name", "Acme", "--owner", "github.com/acme-corp");
    admin("user", "create", "alice", "--org", "acme", "--role", "admin");
    admin("user", "create", "bob", "--org", "acme");
    admin("user", "create", "dana", "--org", "acme");
    const keys = { alice: key("alice"), bob: key("bob"), dana: key("dana") };
    await fill(base, keys);
    const id = session(1, "api", "main", "gpt-5").id;
    const begun = await askForKey(base, "alice's laptop");
    const views = {
      overview: "/", filtered: "/?repository=github.com/acme-corp/api&model=gpt-5", year: `/?from=${new Date(Date.now() - 364 * DAY).toISOString().slice(0, 10)}`,
      sessions: "/sessions", session: `/sessions/${id}`, clients: "/clients", me: "/me", keys: "/keys",
      device: `/device?user_code=${begun.user_code}`, members: "/members", audit: "/audit", forget: `/forget?session=${session(0, "api").id}`,
      empty: "/sessions?branch=none", error: "/sessions/unknown",
    };
    for (const colorScheme of ["light", "dark"]) {
      for (const [width, height] of SIZES) {
        const label = `${colorScheme}-${width}`;
        const options = { colorScheme, viewport: { width, height } };
        const plain = await browser.newContext({ ...options, javaScriptEnabled: false });
        const audited = await browser.newContext({ ...options, bypassCSP: true });
        const page = await plain.newPage();
        await page.goto(`${base}/sign-in`);
        await look(page, "sign-in", label);
        await audit(audited, `${base}/sign-in`, "sign-in", label);
        await signIn(page, base, keys.alice);
        const other = await audited.newPage();
        await signIn(other, base, keys.alice);
        await other.close();
        for (const [name, url] of Object.entries(views)) {
          const response = await page.goto(base + url);
          check(name === "error" || response.ok(), `${name} ${label}: status ${response.status()}`);
          await look(page, name, label);
          await audit(audited, base + url, name, label);
        }
        await plain.close();
        await audited.close();
      }
    }
    await use(browser, base, keys);
    await attack(browser, base, keys, views);
    await postAcross(browser, base, keys);
    await trespass(browser, base, views);
    await signInThroughProvider(browser);
  } finally {
    await browser?.close();
    receiver.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(faults.length ? [...new Set(faults)].join("\n") : `the page holds in a browser; screenshots: ${shots}`);
  process.exitCode = faults.length ? 1 : 0;
}

await main();
