// Opens each page below some folders at three widths, in light and in dark and as it is printed, and fails on: an error
// in the console, a request to anything but a file, a page that scrolls sideways, a violation of axe-core's rules, HTML
// that is not valid, a table that does not sort, a page whose script or style is needed to read it.
//
//	node check_page.mjs BROWSER DIR...
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { FileSystemConfigLoader, HtmlValidate, esmResolver } from "html-validate";
import { chromium } from "playwright-core";

const [browserPath, ...dirs] = process.argv.slice(2);
const shots = process.env.PAGE_SHOTS;
const widths = [360, 1280, 1920];
const schemes = ["light", "dark"];

// Rules of taste about how HTML is written are not of interest here, for no person writes it.
const htmlRules = {
  extends: ["html-validate:recommended", "html-validate:a11y", "html-validate:document"],
  rules: { "no-inline-style": "off", "long-title": "off", "no-trailing-whitespace": "off", "require-sri": "off" },
};

function pagesBelow(dir) {
  return fs.readdirSync(dir, { recursive: true }).map(String).filter((name) => name.endsWith(".html"))
    .sort().map((name) => path.join(dir, name));
}

const faults = [];
let views = 0;
const fault = (where, text) => {
  faults.push(where);
  console.log(`FAULT ${where}: ${text}`);
};

async function valid(file, where) {
  const loader = new FileSystemConfigLoader([esmResolver()], { root: true, ...htmlRules });
  const report = await new HtmlValidate(loader).validateString(fs.readFileSync(file, "utf8"));
  const seen = new Set();
  for (const message of report.results.flatMap((r) => r.messages)) {
    if (message.severity === 2 && !seen.has(message.ruleId + message.message)) {
      seen.add(message.ruleId + message.message);
      fault(where, `html-validate ${message.ruleId}, line ${message.line}: ${message.message}`);
    }
  }
}

async function open(browser, file, options, where) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && fault(where, `console: ${m.text()}`));
  page.on("pageerror", (e) => fault(where, `script: ${e.message}`));
  page.on("request", (r) => /^(file|data):/.test(r.url()) || fault(where, `asks for ${r.url()}`));
  await page.goto(pathToFileURL(file).href);
  return { context, page };
}

const openAll = () => document.querySelectorAll("details").forEach((d) => { d.open = true; });

// wider returns what makes the page scroll sideways. What scrolls in a box of its own does not.
const wider = () => {
  const limit = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= limit) return [];
  const out = [...document.querySelectorAll("body *")].filter((e) =>
    e.getBoundingClientRect().right > limit + 1 && !e.closest(".skip") &&
    (matchMedia("print").matches || !e.closest(".scroll")));
  return [`${document.documentElement.scrollWidth} px in ${limit}`, ...out.slice(-3).map((e) => e.outerHTML.slice(0, 80))];
};

async function violations(page, where) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const v of found.violations) {
    fault(where, `axe ${v.id}: ${v.help}; ${v.nodes.length} times, such as ${v.nodes[0].html.slice(0, 160)} ` +
      `(${v.nodes[0].failureSummary?.replaceAll("\n", " ")})`);
  }
}

async function shoot(page, name) {
  if (!shots) return;
  fs.mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, name + ".png"), fullPage: true });
}

async function look(browser, file, name) {
  await valid(file, name);
  for (const width of widths) {
    for (const colorScheme of schemes) {
      const where = `${name} at ${width} px, ${colorScheme}`;
      const { context, page } = await open(browser, file, { viewport: { width, height: 900 }, colorScheme }, where);
      await page.evaluate(openAll);
      const out = await page.evaluate(wider);
      if (out.length > 0) fault(where, `scrolls sideways: ${out.join("; ")}`);
      await violations(page, where);
      await shoot(page, `${name.replaceAll(/[^a-z0-9]+/gi, "-")}-${width}-${colorScheme}`);
      await context.close();
      views++;
    }
  }
}

// sorts returns what is wrong with the sorting of tables, by the keyboard.
async function sorts(page) {
  const wrong = [];
  const tables = page.locator("table");
  for (let t = 0; t < await tables.count(); t++) {
    const table = tables.nth(t);
    const rows = () => table.evaluate((e) => [...e.tBodies[0].rows].map((r) => r.innerText));
    const written = await rows();
    if (written.length < 2) continue;
    const caption = await table.evaluate((e) => e.parentElement.getAttribute("aria-label"));
    const buttons = table.locator("th button");
    if (await buttons.count() === 0) wrong.push(`no head to sort by in "${caption}"`);
    for (let b = 0; b < await buttons.count(); b++) {
      const order = [];
      for (let press = 0; press < 3; press++) {
        await buttons.nth(b).press("Enter");
        order.push(await buttons.nth(b).evaluate((e) => {
          const cells = [...e.closest("table").tBodies[0].rows].map((r) => r.cells[e.parentElement.cellIndex]);
          return { is: e.parentElement.getAttribute("aria-sort"), values: cells.filter((c) => c.dataset.value)
            .map((c) => Number(c.dataset.value)) };
        }));
      }
      const rising = (v) => v.every((x, i) => i === 0 || v[i - 1] <= x);
      if (order[0].is !== "ascending" || !rising(order[0].values) || order[1].is !== "descending" ||
        !rising(order[1].values.toReversed()) || order[2].is !== null) wrong.push(`column ${b} of "${caption}"`);
      if ((await rows()).join() !== written.join()) wrong.push(`column ${b} of "${caption}" does not go back`);
    }
  }
  return wrong;
}

// looksOnce is what needs no other widths: tables, the page without script, the page on A4.
async function looksOnce(browser, file, name) {
  const options = { viewport: { width: 1280, height: 900 } };
  const { context, page } = await open(browser, file, options, name);
  const words = await page.locator("body").innerText();
  await page.evaluate(openAll);
  for (const wrong of await sorts(page)) fault(name, `does not sort: ${wrong}`);
  await page.setViewportSize({ width: 718, height: 1046 }); // A4 within margins of 1 cm, at 96 px an inch
  await page.emulateMedia({ media: "print" });
  for (const text of await page.evaluate(wider)) fault(name, `does not fit on paper: ${text}`);
  await shoot(page, `${name.replaceAll(/[^a-z0-9]+/gi, "-")}-print`);
  await context.close();
  const plain = await open(browser, file, { ...options, javaScriptEnabled: false }, `${name} without script`);
  if (await plain.page.locator("body").innerText() !== words) fault(name, "says something else without script");
  await plain.context.close();
  views += 2;
}

const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });
let count = 0;
for (const dir of dirs) {
  const pages = pagesBelow(dir);
  if (pages.length === 0) fault(dir, "has no page");
  for (const file of pages) {
    await look(browser, file, path.relative(dir, file));
    await looksOnce(browser, file, path.relative(dir, file));
    count++;
  }
}
await browser.close();
console.log(`${count} pages, ${views} views, ${faults.length} faults`);
process.exit(faults.length > 0 || count === 0 ? 1 : 0);
