// @ngraveio/bc-ur as a peer.
//   node bc_ur.mjs encode FRAGMENT FIRST COUNT   reads a message from standard input, prints COUNT frames from part FIRST on
//   node bc_ur.mjs decode                        reads frames, a line each; prints "TYPE USED MESSAGE" in hexadecimal once it is whole
// OFFICIANT_NODE_MODULES is the folder that node_modules lies in.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.OFFICIANT_NODE_MODULES}/package.json`);
const { UR, UREncoder, URDecoder } = require('@ngraveio/bc-ur');

const [mode, fragment, first, count] = process.argv.slice(2);
const input = readFileSync(0);
if (mode === 'encode') {
  const encoder = new UREncoder(new UR(input, 'compressed'), Number(fragment), Number(first) - 1, 1);
  for (let part = 0; part < Number(count); part++) console.log(encoder.nextPart());
} else {
  const decoder = new URDecoder();
  let used = 0;
  for (const line of input.toString('ascii').split('\n').filter(Boolean)) {
    used++;
    decoder.receivePart(line);
    if (decoder.isComplete()) break;
  }
  if (!decoder.isSuccess()) throw new Error(decoder.resultError() || 'not whole');
  const { type, cbor } = decoder.resultUR();
  console.log(type, used, cbor.toString('hex'));
}
