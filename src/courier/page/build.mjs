// Builds the page: one HTML file that needs nothing beside itself and speaks to nobody. The same sources and the same lock file give the
// same bytes; their SHA-256 is printed.
//   npm ci --ignore-scripts && npm run build [-- FILE]
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const file = process.argv[2] ?? join(here, 'dist', 'courier.html');
const read = (name) => readFileSync(join(here, name), 'utf8');
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const bundled = await build({
  absWorkingDir: here,
  entryPoints: ['src/main.ts'],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'ascii',
  legalComments: 'none',
  write: false,
});
// Nothing inside may end the element that it stands in.
const script = bundled.outputFiles[0].text.replaceAll('</script', '<\\/script');
const style = read('style.css');
const wasm = readFileSync(join(here, 'node_modules/zxing-wasm/dist/reader/zxing_reader.wasm')).toString('base64');
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)} 'wasm-unsafe-eval'`,
  // Sizes of the canvas are set by script, which is no inline style.
  `style-src ${hash(style)}`,
  "connect-src 'none'",
  "form-action 'none'",
  "base-uri 'none'",
].join('; ');

// Whoever passes the page on passes these on with it.
const licences = ['@noble/hashes/LICENSE', 'qr/LICENSE', 'qr/LICENSE-MIT', 'zxing-wasm/LICENSE']
  .map((name) => `${name}\n\n${read(`node_modules/${name}`).trim()}\n`)
  .concat(`zxing-cpp (inside zxing-wasm), Apache-2.0\n\nThe licence is the one of qr/LICENSE above.\n`)
  .join('\n----\n\n')
  .replaceAll('&', '&amp;')
  .replaceAll('<', '&lt;');
const parts = { CSP: policy, STYLE: style, LICENCES: licences, WASM: wasm, SCRIPT: script };
const page = read('index.html').replace(/@(CSP|STYLE|LICENCES|WASM|SCRIPT)@/g, (_, name) => parts[name]);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, page);
console.log(`${createHash('sha256').update(page).digest('hex')}  ${file}`);
