// The courier page in a real browser, opened as a file.
//   node browser.mjs receive PAGE VIDEO FOLDER           points a camera that plays VIDEO at it, saves what arrives into FOLDER
//   node browser.mjs hint PAGE VIDEO WORDS               points that camera at it until WORDS are said
//   node browser.mjs show PAGE FOLDER COUNT SIZE FILE…    shows FILE…, photographs COUNT different codes into FOLDER
// Prints one line of JSON. OFFICIANT_NODE_MODULES is the folder that node_modules lies in.
import { createRequire } from 'node:module';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.OFFICIANT_NODE_MODULES}/package.json`);
const { chromium } = require('playwright-core');

const [mode, file, ...rest] = process.argv.slice(2);
const camera = mode !== 'show' ? [`--use-file-for-fake-video-capture=${rest[0]}`] : [];
const browser = await chromium.launch({
  executablePath: process.env.OFFICIANT_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', ...camera],
});
const problems = [];
try {
  // The size of a telephone.
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, acceptDownloads: true });
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => /^(file|blob|data):/.test(request.url()) || problems.push(`asked for ${request.url()}`));
  await page.goto(pathToFileURL(file).href);
  const said = await { receive: () => receive(page, rest[1]), hint: () => hint(page, rest[1]), show: () => show(page, ...rest) }[mode]();
  said.wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  said.unnamed = await page.evaluate(() =>
    [...document.querySelectorAll('button, select, input, canvas, video, progress')].filter(
      (element) => !element.textContent.trim() && !element.getAttribute('aria-label') && !element.closest('label'),
    ).length,
  );
  // Nothing can be sent, even by a script that would.
  said.sealed = await page.evaluate(() => fetch('http://127.0.0.1:9/').then(() => false, () => true));
  console.log(JSON.stringify({ ...said, problems: problems.filter((text) => !text.includes('127.0.0.1:9')) }));
} finally {
  await browser.close();
}

async function receive(page, folder) {
  const begun = Date.now();
  const statuses = new Set();
  // By keyboard alone: to the button, and on.
  await page.focus('#start');
  await page.keyboard.press('Enter');
  for (;;) {
    statuses.add(await page.textContent('#status'));
    if (await page.isVisible('#arrived')) break;
    if (Date.now() - begun > 90_000) throw new Error(`not whole: ${[...statuses].join(' | ')} ${await page.textContent('#counts')}`);
    await page.waitForTimeout(50);
  }
  const seconds = (Date.now() - begun) / 1000;
  const words = await page.locator('#words li').allTextContents();
  const early = await page.isVisible('#save-all');
  await page.focus('#agree');
  await page.keyboard.press('Enter');
  const files = await page.locator('#files > li').count();
  if (await page.isVisible('#archive')) {
    const [archive] = await Promise.all([page.waitForEvent('download'), page.click('#save-all')]);
    await archive.saveAs(join(folder, archive.suggestedFilename()));
  }
  for (let at = 0; at < files; at++) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#files > li > button').nth(at).click()]);
    await download.saveAs(join(folder, download.suggestedFilename()));
  }
  const view = await page.locator('#files').innerText();
  return { seconds, words, early, files, view, counts: await page.textContent('#counts'), statuses: [...statuses] };
}

async function hint(page, words) {
  const heard = new Set();
  await page.click('#start');
  for (let turn = 0; turn < 400; turn++) {
    const status = await page.textContent('#status');
    heard.add(status);
    if (status.includes(words)) return { status };
    await page.waitForTimeout(50);
  }
  throw new Error(`never said: ${words}; but ${[...heard].join(' | ')}`);
}

async function show(page, folder, count, size, ...files) {
  await page.click('#to-show');
  await page.selectOption('#size', size);
  // A folder is chosen as one.
  const folders = files.length === 1 && statSync(files[0]).isDirectory();
  await page.setInputFiles(folders ? '#choose-folder' : '#choose', folders ? files[0] : files);
  await page.waitForFunction(() => document.querySelector('#frame').textContent || document.querySelector('#show-status').textContent);
  const status = await page.textContent('#show-status');
  if (status) return { status };
  const words = await page.locator('#show-words li').allTextContents();
  await page.click('#pause');
  for (let frame = 0; frame < Number(count); frame++) {
    const name = String(frame).padStart(4, '0');
    await page.locator('#codes').screenshot({ path: join(folder, `photograph-${name}.png`) });
    await page.click('#next');
  }
  return { words, frame: await page.textContent('#frame') };
}
