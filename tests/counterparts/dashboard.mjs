// usage: dashboard.mjs URL URL_TO_ACT GO: opens the dashboard in a real browser, looks at a run in progress, lets
// its agents end by making the file GO, sees the run completed, and acts on the run that the second URL shows first. What
// it saw is printed as JSON.
import { writeFile } from "node:fs/promises";
import { load } from "./common.mjs";

const [url, urlToAct, go] = process.argv.slice(2);
const { chromium } = await load("playwright-core/index.mjs");
const patience = 120_000;
const saw = { errors: [], foreign: [] };

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.setDefaultTimeout(patience);
  page.on("pageerror", (error) => saw.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && saw.errors.push(message.text()));
  page.on("request", (request) => request.url().startsWith(new URL(url).origin) || saw.foreign.push(request.url()));

  await page.goto(url);
  await page.getByText("● running").first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll("#tasks tbody tr").length > 0 &&
    [...document.querySelectorAll("#tasks tbody tr")].every((row) => row.textContent.includes("implementing")));
  saw.rows = await page.locator("#tasks tbody tr").count();
  await page.waitForFunction((count) => document.querySelectorAll("#waterfall .step-work").length === count, saw.rows);
  saw.buttons = await page.locator("#tasks tbody button:not(.task), #acts button").count();

  await page.locator("#tasks .task").first().click();
  await page.locator("#log-text").getByText("<img src=x onerror=").first().waitFor();
  saw.markup = await page.locator("#log-text img, #events img, #tasks tbody img").count();
  saw.log = await page.locator("#log-text").textContent();
  await page.locator("#log-close").click();

  await writeFile(go, "");
  await page.locator("header #state").getByText("✓ completed").waitFor();
  await page.waitForFunction((count) =>
    [...document.querySelectorAll("#tasks tbody tr")].filter((row) => row.textContent.includes("✓ completed")).length === count, saw.rows);
  saw.lastEvent = await page.locator("#events li").last().textContent();
  saw.lastLines = await page.locator("#events li", { hasText: "the last line" }).count();

  await page.goto(urlToAct);
  page.on("dialog", (dialog) => dialog.accept());
  await page.locator("#tasks tbody").getByRole("button", { name: "Cancel" }).click();
  await page.locator("#tasks tbody").getByText("⊘ cancelled").waitFor();
  saw.retry = await page.locator("#acts").getByText("Retry run").count();
} finally {
  await browser.close();
}
console.log(JSON.stringify(saw));
