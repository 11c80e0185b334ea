/* A real browser on the page, for tests/system/test_page.py: each line of standard input is a step
 * and its words, in JSON; each line of standard output is what came of it. */
import {createInterface} from "node:readline";
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {chromium} from "playwright-core";

const [executablePath, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]});
const wait_ms = 30000;
const faults = []; // what the browser held against the page, or its scripts threw
let context, page, requests = [];

async function openTab() {
    const tab = await context.newPage();
    tab.setDefaultTimeout(wait_ms);
    tab.on("console", (message) => {
        const text = message.text();
        const is_expected = /Failed to load resource|net::ERR/.test(text); // refusals, a cut
        if (message.type() === "error" && !is_expected)
            faults.push(text);
    });
    tab.on("pageerror", (fault) => faults.push(String(fault)));
    tab.on("dialog", (dialog) => {
        faults.push(`a dialog: ${dialog.message()}`);
        dialog.dismiss();
    });
    tab.on("request", (request) => requests.push(request));
    return tab;
}

function row(name) {
    return page.getByRole("row").filter({has: page.getByRole("rowheader", {name, exact: true})});
}

async function sizeOf(request) {
    try { // an event stream has no end, and so no size
        if (request.url().includes("/v1/events"))
            return 0;
        const {responseBodySize, responseHeadersSize} = await request.sizes();
        return responseBodySize + responseHeadersSize;
    } catch {
        return 0;
    }
}

/* What axe finds, in a line each. */
async function judge() {
    await page.evaluate((text) => {
        if (!window.axe)
            (0, eval)(text);
    }, axe).catch(() => page.addScriptTag({content: axe}));
    const found = await page.evaluate(() => window.axe.run());
    return found.violations.map(({id, nodes}) => `${id}: ${nodes.map(
        ({html, failureSummary}) => `${html} ${failureSummary}`).join(" | ")}`);
}

const steps = {
    async open({url, width = 1280, dark = false}) {
        if (context)
            await context.close();
        context = await browser.newContext({viewport: {width, height: 800}, bypassCSP: false,
            ignoreHTTPSErrors: true, // a provider of logins is of an authority of the test
            colorScheme: dark ? "dark" : "light", locale: "en-GB"});
        requests = [];
        page = await openTab();
        await page.goto(url);
    },
    async go({url}) {
        await page.goto(url);
    },
    async tab({url}) {
        page = await openTab();
        await page.goto(url);
    },
    async nth({at}) {
        page = context.pages()[at];
        await page.bringToFront();
    },
    async resize({width}) {
        await page.setViewportSize({width, height: 800});
    },
    async see({role, name, exact = false}) {
        await page.getByRole(role, {name, exact}).first().waitFor();
    },
    async shows({text}) {
        return await page.getByText(text, {exact: true}).count() > 0;
    },
    async ready({name}) {
        await page.getByRole("button", {name, exact: true, disabled: false}).waitFor();
    },
    async text({text, exact = false}) {
        await page.getByText(text, {exact}).first().waitFor();
    },
    async gone({text}) {
        await page.getByText(text).first().waitFor({state: "detached"});
    },
    async click({role = "button", name, exact = true}) {
        await page.getByRole(role, {name, exact}).first().click();
    },
    async fill({label, value}) {
        await page.getByLabel(label, {exact: true}).fill(value);
    },
    async select({label, value}) {
        await page.getByLabel(label, {exact: true}).selectOption(value);
    },
    async choose({label, path}) {
        await page.getByLabel(label, {exact: true}).setInputFiles(path);
    },
    async secret() {
        return page.locator("code.secret").textContent();
    },
    async check({name}) {
        await page.getByRole("checkbox", {name, exact: true}).check();
    },
    async press({key}) {
        await page.keyboard.press(key);
    },
    async type({text}) {
        await page.keyboard.type(text);
    },
    async row({name, text}) {
        await row(name).filter({hasText: text}).waitFor();
    },
    async norow({name}) {
        await row(name).waitFor({state: "detached"});
    },
    async rows() {
        return page.getByRole("rowheader").allTextContents();
    },
    async focus() {
        return page.evaluate(() => document.activeElement.textContent.trim() ||
            document.activeElement.getAttribute("aria-label") || document.activeElement.tagName);
    },
    async attributes({role, name}) {
        return page.getByRole(role, {name, exact: true}).first().evaluate((found) =>
            Object.fromEntries([...found.attributes].map(({name: word, value}) => [word, value])));
    },
    async mark() { // is lost when the page is loaded again
        await page.evaluate(() => {
            window.marked = true;
        });
    },
    async marked() {
        return page.evaluate(() => Boolean(window.marked));
    },
    async look({name, judges = true}) {
        await page.screenshot({path: `${shots}/${name}.png`, fullPage: true});
        const wide = await page.evaluate(() => document.documentElement.scrollWidth -
            document.documentElement.clientWidth);
        return {axe: judges ? await judge() : [], wide};
    },
    async load() { // what has come since the page was opened
        const found = [];
        for (const request of requests)
            found.push({url: request.url(), bytes: await sizeOf(request)});
        return found;
    },
    async cookies() {
        return context.cookies();
    },
    async eval({script}) {
        return page.evaluate(script);
    },
    async faults() {
        return faults.splice(0);
    },
};

for await (const line of createInterface({input: process.stdin})) {
    const {step, ...words} = JSON.parse(line);
    let answer;
    try {
        answer = {result: await steps[step](words) ?? null};
    } catch (fault) {
        const shown = page ? await page.locator("body").innerText().catch(() => "") : "";
        answer = {fault: `${fault.message}\n${shown.slice(0, 2000)}`};
    }
    console.log(JSON.stringify(answer));
}
await browser.close();
