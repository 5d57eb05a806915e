// Walks a TUF repository with tuf-js, as a client that trusts one root would. The call and the answer are those of
// ../python/peer.py:
//
//     node walk.mjs --root 1.root.json --metadata DIR [--targets DIR] [--target NAME] [--expect VERSION]
//     {"client":"tuf-js 6.0.2","ok":true,"root":2,"target":null,"error":null}
//
// The folders are served on a loopback port that this program opens and closes itself.

import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// The packages are installed outside the source tree; OFFICIANT_NODE_MODULES names the folder that holds node_modules.
const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(process.env.OFFICIANT_NODE_MODULES ?? here, 'walk.mjs'));
const { Updater } = require('tuf-js');

const args = commandLine();
const state = fs.mkdtempSync(path.join(os.tmpdir(), 'tuf-js-walk-'));
const server = await serve(args.metadata, args.targets);
let error = await walk(`http://127.0.0.1:${server.address().port}`);
server.closeAllConnections();
server.close();
const root = trustedVersion(error);
fs.rmSync(state, { recursive: true });

if (error === null && args.expect !== undefined && root !== Number(args.expect)) {
  error = `reached root ${root}, expected ${args.expect}`;
}
const client = `tuf-js ${installedVersion()}`;
const target = error === null ? (args.target ?? null) : null;
console.log(JSON.stringify({ client, ok: error === null, root, target, error }));
process.exitCode = error === null ? 0 : 1;

function commandLine() {
  const text = { type: 'string' };
  try {
    const { values } = parseArgs({ options: { root: text, metadata: text, targets: text, target: text, expect: text } });
    if (values.root === undefined || values.metadata === undefined) throw new Error('--root and --metadata are needed');
    return values;
  } catch (wrong) {
    console.error(`walk.mjs: ${wrong.message}`);
    process.exit(2);
  }
}

// Refreshes and downloads; returns what the client said where it refused, or null.
async function walk(base) {
  try {
    // Written anew: a copy would keep a read-only mode, and the client replaces this file.
    fs.writeFileSync(path.join(state, 'root.json'), fs.readFileSync(args.root));
    const targetDir = path.join(state, 'downloads');
    fs.mkdirSync(targetDir);
    const updater = new Updater({
      metadataDir: state,
      metadataBaseUrl: base,
      targetDir,
      targetBaseUrl: `${base}/targets`,
    });
    await updater.refresh();
    if (args.target !== undefined) {
      const info = await updater.getTargetInfo(args.target);
      if (info === undefined) return `target ${args.target} is not in the metadata`;
      await updater.downloadTarget(info);
    }
    return null;
  } catch (refusal) {
    return `${refusal.constructor.name}: ${refusal.message}`;
  }
}

// The client keeps the last root it trusts in its folder; ours lies there from the start, also where it was refused.
function trustedVersion(error) {
  if (error !== null && !knowsItsRoot()) return null;
  return JSON.parse(fs.readFileSync(path.join(state, 'root.json'))).signed.version;
}

// tuf-js reads the trusted root in the constructor; asking again tells whether that one was accepted.
function knowsItsRoot() {
  try {
    new Updater({ metadataDir: state, metadataBaseUrl: 'http://127.0.0.1:1' });
    return true;
  } catch {
    return false;
  }
}

// Metadata at /, targets at /targets/.
async function serve(metadata, targets) {
  const server = http.createServer((request, response) => {
    const url = path.posix.normalize(decodeURIComponent(new URL(request.url, 'http://127.0.0.1').pathname));
    const inTargets = targets !== undefined && url.startsWith('/targets/');
    const file = inTargets ? path.join(targets, url.slice('/targets'.length)) : path.join(metadata, url);
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': fs.statSync(file).size });
    fs.createReadStream(file).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function installedVersion() {
  const entry = require.resolve('tuf-js');
  const folder = entry.slice(0, entry.lastIndexOf(`${path.sep}tuf-js${path.sep}`) + '/tuf-js'.length);
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'))).version;
}
