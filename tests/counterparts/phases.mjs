// usage: phases.mjs URL PICTURE TASK=WORD...: opens the dashboard of a run in a real browser and waits until each task's row
// has its word. What the rows then say last is printed as JSON. PICTURE: a file for a picture of it; empty: none.
import { load } from "./common.mjs";

const [url, picture, ...expected] = process.argv.slice(2);
const { chromium } = await load("playwright-core/index.mjs");
const saw = { errors: [], words: {} };

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.setDefaultTimeout(120_000);
  page.on("pageerror", (error) => saw.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && saw.errors.push(message.text()));

  await page.goto(url);
  for (const one of expected) {
    const [task, word] = one.split("=");
    const row = page.locator(`#tasks tbody tr[data-task="${task}"]`);
    await row.filter({ hasText: word }).waitFor();
    saw.words[task] = await row.locator(".words").textContent();
  }
  saw.state = await page.locator("header #state").textContent();
  await page.locator("#waterfall .step-work").first().waitFor();
  saw.colourless = await page.locator("#waterfall rect").evaluateAll((bars) =>
    bars.filter((bar) => getComputedStyle(bar).fill === "rgb(0, 0, 0)").map((bar) => bar.textContent));
  if (picture) await page.screenshot({ path: picture, fullPage: true });
} finally {
  await browser.close();
}
console.log(JSON.stringify(saw));
