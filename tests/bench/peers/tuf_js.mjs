// Walks a long chain of roots with tuf-js.
//
//     node tuf_js.mjs memory DIR WALKS    the roots of DIR from memory, in TrustedMetadataStore; tells how long each walk took
//     node tuf_js.mjs updater DIR WALKS   once, the whole client, which reads DIR itself; how long is measured from outside
//
// An Updater follows 256 roots in one update; the limit is raised here.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const ROOTS = 1000;
const [how, folder, walks] = process.argv.slice(2);
const modules = process.env.OFFICIANT_NODE_MODULES;
const require = createRequire(path.join(modules, 'tuf_js.mjs'));

if (how === 'updater') {
  console.log(JSON.stringify({ root: await update() }));
} else {
  const roots = [];
  for (let n = 1; n <= ROOTS; n++) roots.push(fs.readFileSync(path.join(folder, `${n}.root.json`)));
  const { TrustedMetadataStore } = require(path.join(modules, 'tuf-js/dist/store.js'));
  const ms = [];
  const cpu = [];
  let reached;
  for (let n = 0; n < Number(walks); n++) {
    const begun = performance.now();
    const before = process.cpuUsage();
    const store = new TrustedMetadataStore(roots[0]);
    for (const root of roots.slice(1)) store.updateRoot(root);
    ms.push(performance.now() - begun);
    const used = process.cpuUsage(before);
    cpu.push((used.user + used.system) / 1e3);
    reached = store.root.signed.version;
  }
  console.log(JSON.stringify({ root: reached, ms, cpu }));
}

async function update() {
  const { BaseFetcher, Updater } = require('tuf-js');
  const { DownloadHTTPError } = require(path.join(modules, 'tuf-js/dist/error.js'));
  class FromDisk extends BaseFetcher {
    async fetch(url) {
      let bytes;
      try {
        bytes = fs.readFileSync(new URL(url));
      } catch {
        throw new DownloadHTTPError('no such file', 404);
      }
      return new ReadableStream({
        start(stream) {
          stream.enqueue(bytes);
          stream.close();
        },
      });
    }
  }
  const state = fs.mkdtempSync(path.join(os.tmpdir(), 'tuf-js-bench-'));
  try {
    fs.copyFileSync(path.join(folder, '1.root.json'), path.join(state, 'root.json'));
    const config = { maxRootRotations: ROOTS + 1 };
    const fetcher = new FromDisk();
    const updater = new Updater({ metadataDir: state, metadataBaseUrl: `file://${folder}`, fetcher, config });
    await updater.refresh();
    const reached = JSON.parse(fs.readFileSync(path.join(state, 'root.json'))).signed.version;
    if (reached !== ROOTS) throw new Error(`reached root ${reached}`);
    return reached;
  } finally {
    fs.rmSync(state, { recursive: true });
  }
}
