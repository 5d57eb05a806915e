// The courier page in Firefox, opened as a file; spoken to by WebDriver BiDi, since the driver of Chromium wants a Firefox of its own.
//   node firefox.mjs PAGE PHOTOGRAPHS FOLDER COUNT FILE
// Starts a camera that shows no code; receives from the pictures in PHOTOGRAPHS; shows FILE and photographs COUNT codes into FOLDER.
// Prints one line of JSON. OFFICIANT_NODE_MODULES is the folder that node_modules lies in.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.OFFICIANT_NODE_MODULES}/package.json`);
const WebSocket = require('ws');

const [page, photographs, folder, count, file] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'officiant-firefox-'));
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
};
const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
writeFileSync(join(profile, 'user.js'), lines.join(''));

const browser = spawn('firefox-esr', ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'], {
  stdio: ['ignore', 'ignore', 'pipe'],
  env: { ...process.env, HOME: profile, XDG_CACHE_HOME: profile, XDG_CONFIG_HOME: profile },
});
try {
  const socket = new WebSocket(`${await address(browser.stderr)}/session`, { maxPayload: 1 << 28 });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  console.log(JSON.stringify(await drive(asker(socket))));
  socket.close();
} finally {
  const gone = new Promise((resolve) => browser.once('exit', resolve));
  browser.kill();
  await gone;
  rmSync(profile, { recursive: true, force: true });
}

/** The address that Firefox names when it listens. */
function address(stream) {
  return new Promise((resolve, reject) => {
    let said = '';
    const late = setTimeout(() => reject(new Error(`Firefox does not listen: ${said}`)), 60_000);
    stream.on('data', (bytes) => {
      said += bytes;
      const found = /listening on (ws:\S+)/.exec(said);
      if (!found) return;
      clearTimeout(late);
      resolve(found[1]);
    });
  });
}

/** A function that asks and waits for what comes back. */
function asker(socket) {
  let last = 0;
  const waiting = new Map();
  socket.on('message', (text) => {
    const answer = JSON.parse(text);
    const [resolve, reject] = waiting.get(answer.id) ?? [];
    if (answer.type === 'success') resolve?.(answer.result);
    else if (answer.type === 'error') reject?.(new Error(`${answer.error}: ${answer.message}`));
  });
  return (method, params = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, [resolve, reject]);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
}

async function drive(ask) {
  await ask('session.new', { capabilities: {} });
  const { contexts } = await ask('browsingContext.getTree');
  const context = contexts[0].context;
  await ask('browsingContext.navigate', { context, url: pathToFileURL(page).href, wait: 'complete' });
  const run = async (expression) => {
    const answer = await ask('script.evaluate', { expression: `JSON.stringify(${expression})`, target: { context }, awaitPromise: true });
    if (answer.type !== 'success') throw new Error(answer.exceptionDetails.text);
    return JSON.parse(answer.result.value ?? 'null');
  };
  const text = (id) => run(`document.getElementById('${id}').textContent`);
  const click = (id) => run(`document.getElementById('${id}').click() ?? null`);
  const until = async (what, holds) => {
    for (let turn = 0; turn < 600; turn++) {
      const value = await holds();
      if (value) return value;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`waited in vain for ${what}: ${await text('status')}`);
  };
  const choose = async (selector, files) => {
    const { nodes } = await ask('browsingContext.locateNodes', { context, locator: { type: 'css', value: selector } });
    await ask('input.setFiles', { context, element: { sharedId: nodes[0].sharedId }, files });
  };

  // The camera of a page that is a file, and the reader in it: what it shows has no code, and that is said.
  await click('start');
  const camera = await until('the camera', async () => /^No code in the picture/.test(await text('status')) && (await text('status')));
  await click('start');

  await choose('#photographs', readdirSync(photographs).map((name) => join(photographs, name)));
  await until('everything', () => run(`!document.getElementById('arrived').hidden`));
  const words = await run(`[...document.querySelectorAll('#words li')].map((word) => word.textContent)`);
  await click('agree');
  const view = await text('files');

  await click('to-show');
  await choose('#choose', [file]);
  await until('codes', async () => (await text('frame')) || (await text('show-status')));
  const shown = await run(`[...document.querySelectorAll('#show-words li')].map((word) => word.textContent)`);
  await click('pause');
  const { nodes } = await ask('browsingContext.locateNodes', { context, locator: { type: 'css', value: '#codes' } });
  for (let frame = 0; frame < Number(count); frame++) {
    const clip = { type: 'element', element: { sharedId: nodes[0].sharedId } };
    const { data } = await ask('browsingContext.captureScreenshot', { context, clip, origin: 'document' });
    writeFileSync(join(folder, `photograph-${String(frame).padStart(4, '0')}.png`), Buffer.from(data, 'base64'));
    await click('next');
  }
  return { camera, words, view, shown };
}
