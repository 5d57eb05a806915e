// An archive that every tar unpacks: what has folders cannot be saved file by file. ustar, and pax for a long name.
import { concat } from './codec';
import type { ParcelFile } from './parcel';

const BLOCK = 512;
const NAME_MAX = 100;
const utf8 = new TextEncoder();

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

function header(name: Uint8Array, size: number, kind: string): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (text: string, at: number): void => block.set(utf8.encode(text), at);
  block.set(name.subarray(0, NAME_MAX));
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  // The same files make the same archive.
  put(octal(0, 11), 136);
  put('        ', 148);
  put(kind, 156);
  put('ustar\u000000', 257);
  const sum = block.reduce((all, byte) => all + byte, 0);
  put(`${octal(sum, 6)} `, 148);
  return block;
}

function padded(bytes: Uint8Array): Uint8Array {
  return concat(bytes, new Uint8Array((BLOCK - (bytes.length % BLOCK)) % BLOCK));
}

/** `LENGTH path=NAME\n`, whose length counts itself. */
function longName(name: Uint8Array): Uint8Array {
  const rest = concat(utf8.encode(' path='), name, utf8.encode('\n'));
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return concat(utf8.encode(String(length)), rest);
}

export function tar(files: ParcelFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const name = utf8.encode(file.name);
    if (name.length > NAME_MAX) {
      const pax = longName(name);
      parts.push(header(utf8.encode('pax'), pax.length, 'x'), padded(pax));
    }
    parts.push(header(name, file.bytes.length, '0'), padded(file.bytes));
  }
  return concat(...parts, new Uint8Array(2 * BLOCK));
}
