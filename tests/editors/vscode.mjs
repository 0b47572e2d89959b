// usage: vscode.mjs FOLDER FANOUT VSIX PICTURE: the extension in a real editor, code-server in headless Chromium, with a
// daemon that it starts by itself. FOLDER: where npm has installed both. PICTURE: a file for a picture; empty: none.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, fanout, vsix, picture] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(join(folder, "node_modules/playwright-core/index.mjs")).href);
const patience = 60_000;
const scratch = mkdtempSync(join(tmpdir(), "fanout-editor-"));
const repository = join(scratch, "site");
const go = join(repository, ".go"); // which agents see from within their sandbox
const environment = {
  ...process.env,
  HOME: scratch,
  FANOUT_SOCKET: join(scratch, "run/d.sock"),
  FANOUT_STATE: join(scratch, "state"),
  FANOUT_CONFIG: join(scratch, "config.toml"),
};
// Agents are the user's business, and wait for the test.
const agent = `echo "Writing $FANOUT_TASK_ID.html"; until [ -e ${go} ]; do sleep 0.1; done; echo done > $FANOUT_TASK_ID.html`;
const files = {
  ".fanout.yaml": `agent: '${agent}'\nsetup: []\nverify: []\n`,
  ".parallel/plans/bad.yaml": `metadata: {name: Bad}
tasks:
  - {id: first, prompt: Do it.}
  - {id: second, prompt: Do it., dependencies: [nowhere]}
`,
  ".parallel/plans/good.yaml": `metadata: {name: Site}
tasks:
  - id: layout
    name: Lay the page out
    prompt: Write layout.html.
  - id: style
    name: Style the page
    prompt: Write style.html.
  - id: page
    name: Write the page
    dependencies: [layout]
    prompt: Write page.html upon layout.html.
`,
};
const settings = {
  "fanout.program": fanout,
  "editor.minimap.enabled": false,
  "extensions.ignoreRecommendations": true,
  "files.autoSave": "off",
  "git.enabled": false,
  "telemetry.telemetryLevel": "off",
  "workbench.colorTheme": "Default Light Modern",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
};

function run(program, words, options = {}) {
  return execFileSync(program, words, { env: environment, encoding: "utf8", ...options });
}

function write(folder, name, text) {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
}

function makeRepository() {
  for (const [name, text] of Object.entries(files)) write(repository, name, text);
  const git = (...words) => run("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...words], { cwd: repository });
  git("init", "-q", "-b", "main");
  git("config", "user.name", "Test");
  git("config", "user.email", "test@example.com");
  git("add", ".");
  git("commit", "-qm", "chore: begin");
}

function codeServer(...words) {
  const places = ["--user-data-dir", join(scratch, "data"), "--extensions-dir", join(scratch, "extensions")];
  return [join(folder, "node_modules/code-server/out/node/entry.js"), ...places, ...words];
}

function install() {
  write(scratch, "data/User/settings.json", JSON.stringify(settings));
  assert.match(run(process.execPath, codeServer("--install-extension", vsix), { stdio: "pipe" }), /successfully installed/);
}

/** The server and its address, once it listens. */
function serve() {
  const quiet = ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust", "--disable-getting-started-override"];
  const words = codeServer("--auth", "none", "--bind-addr", "127.0.0.1:0", ...quiet);
  const server = spawn(process.execPath, words, { env: environment, cwd: scratch });
  return new Promise((resolve, reject) => {
    let said = "";
    const hear = (bytes) => {
      said += bytes;
      const url = /HTTP server listening on (http:\S+)/.exec(said)?.[1];
      if (url) resolve({ server, url });
    };
    server.stdout.on("data", hear);
    server.stderr.on("data", hear);
    server.on("exit", () => reject(new Error(`code-server has ended: ${said}`)));
  });
}

/** What the editor shows, as a person looks for it. */
function looking(page) {
  const row = (view, text) => page.locator(`${view} [role=treeitem]`, { hasText: text });
  return {
    file: (name) => row(".explorer-folders-view", name),
    problem: (text) => row(".markers-panel", text),
    line: (...texts) => texts.reduce((lines, hasText) => lines.filter({ hasText }), row(".pane-body", "")),
    lens: (title) => page.locator(".codelens-decoration a", { hasText: title }),
    tab: (title) => page.locator(".tab.active", { hasText: title }),
    async open(name) {
      await this.file(name).dblclick();
      await this.tab(name).waitFor();
    },
    async command(name) {
      await page.keyboard.press("F1");
      await page.locator(".quick-input-widget input").fill(`>${name}`);
      await page.locator(".quick-input-list [role=option]", { hasText: name }).first().click();
    },
    /** A row that is drawn anew forgets the pointer. */
    async act(line, name) {
      for (let tries = 10; ; --tries) {
        await page.mouse.move(0, 0);
        await line.hover();
        try {
          return await line.locator(`.actions [aria-label="${name}"]`).click({ timeout: 2000 });
        } catch (error) {
          if (tries === 0) throw error;
        }
      }
    },
  };
}

const steps = {
  async "a bad plan's fault is among the problems, at its place"(page, see) {
    await see.file(".parallel").click();
    await see.open("bad.yaml");
    await see.command("Problems: Focus on Problems View");
    await see.problem("nowhere").waitFor();
    assert.match(await see.problem("nowhere").textContent(), /fanout.*Ln 4/);
  },

  async "it goes as it is mended, and comes back with it, before anything is saved"(page, see) {
    const file = join(repository, ".parallel/plans/bad.yaml");
    await see.tab("bad.yaml").click();
    await page.keyboard.press("Control+h");
    await page.locator(".find-widget textarea[aria-label=Find]").fill("nowhere");
    await page.locator(".find-widget textarea[aria-label=Replace]").fill("first");
    await page.keyboard.press("Control+Alt+Enter");
    await see.problem("nowhere").waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+z");
    await see.problem("nowhere").waitFor();
    assert.equal(readFileSync(file, "utf8"), files[".parallel/plans/bad.yaml"]);
  },

  async "a good one is executed by its lens, and its tasks come into the tree"(page, see) {
    await see.open("good.yaml");
    await see.lens("Execute").click();
    for (const task of ["layout", "style"]) await see.line(task, "implementing", "Writing").waitFor();
    await see.line("page", "after layout").waitFor();
    await page.locator(".statusbar-item", { hasText: "2 at work · 1 pending" }).waitFor();
    if (picture) await page.screenshot({ path: picture });
  },

  async "a log is a document that follows"(page, see) {
    await see.act(see.line("layout", "Writing"), "Open Log");
    await page.locator(".view-line", { hasText: "Writing layout.html" }).waitFor();
  },

  async "it is followed across another daemon to its end"(page, see) {
    run(fanout, ["daemon", "restart"]);
    writeFileSync(go, "");
    await see.line("Site", "3/3").waitFor();
    for (const task of ["layout", "style", "page"]) await see.line(task, "completed", "1 commit").waitFor();
  },

  async "what a task has changed is shown as a diff"(page, see) {
    await see.act(see.line("layout", "completed"), "Show Diff Against Base");
    await page.locator(".monaco-diff-editor, .multiDiffEditor").first().waitFor();
    await page.locator(".view-line", { hasText: "done" }).first().waitFor();
  },
};

async function takeSteps(url) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 700 } });
    page.setDefaultTimeout(patience);
    await page.goto(`${url}?folder=${repository}`);
    for (const [name, step] of Object.entries(steps)) {
      try {
        await step(page, looking(page));
        console.log(`✓ ${name}`);
      } catch (error) {
        await page.screenshot({ path: join(tmpdir(), "fanout-editor-failed.png") });
        throw new Error(`${name} (a picture is in ${tmpdir()}/fanout-editor-failed.png)`, { cause: error });
      }
    }
  } finally {
    await browser.close();
  }
}

makeRepository();
install();
const { server, url } = await serve();
try {
  await takeSteps(url);
} finally {
  server.removeAllListeners("exit");
  server.kill();
  try {
    run(fanout, ["--no-start", "daemon", "stop"], { stdio: "pipe" });
  } catch {
    // None was started.
  }
  rmSync(scratch, { recursive: true, force: true });
}
