// A parcel: files with a manifest, and the message that carries it. Nothing in it is trusted; every byte is accounted for.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { concat, crc32, head, Reader } from './codec';

export interface ParcelFile {
  name: string;
  bytes: Uint8Array;
  sha256: string;
}

export interface Parcel {
  files: ParcelFile[];
  /** The SHA-256 of what sha256sum prints of the files, sorted. */
  digest: Uint8Array;
}

const INFLATED = 4 << 20;
const FILES = 256;
const FIRST_LINE = 'officiant parcel 1';
const DIGEST_TAG = 40001;
const utf8 = new TextEncoder();

async function through(bytes: Uint8Array, how: CompressionStream | DecompressionStream, most: number): Promise<Uint8Array> {
  const reader = new Blob([bytes as BlobPart]).stream().pipeThrough(how).getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(...parts);
    length += value.length;
    if (length > most) {
      void reader.cancel();
      throw new Error('it inflates to more than it says');
    }
    parts.push(value);
  }
}

/** The message that carries the files. */
export async function pack(files: { name: string; bytes: Uint8Array }[]): Promise<{ parcel: Parcel; message: Uint8Array }> {
  if (!files.length || files.length > FILES) throw new Error(`Choose 1 to ${FILES} files.`);
  const secret = files.find(({ bytes }) => looksSecret(bytes));
  if (secret) throw new Error(`${secret.name} looks like a private key. Nothing secret is shown as QR codes.`);
  const parcel = sorted(files);
  checkNames(parcel.files);
  const payload = payloadOf(parcel.files);
  if (payload.length > INFLATED) throw new Error('These files are too large together. Choose fewer.');
  const deflated = await through(payload, new CompressionStream('deflate-raw'), Infinity);
  const data = deflated.length < payload.length ? deflated : payload;
  const message = concat(
    head(4, 4), head(0, crc32(payload)), head(0, payload.length), head(2, data.length), data,
    head(6, DIGEST_TAG), head(2, 32), sha256(payload),
  );
  return { parcel, message };
}

/** The files of a message. */
export async function unpack(message: Uint8Array): Promise<Parcel> {
  const reader = new Reader(message);
  const items = reader.head(4);
  const [checksum, size, data] = [reader.head(0), reader.head(0), reader.data()];
  if (items === 4 && reader.head(6) !== DIGEST_TAG) throw new Error('it is made in another way');
  const digest = items === 4 ? reader.data() : null;
  reader.end();
  if (items < 3 || items > 4 || size > INFLATED) throw new Error('it is larger than anything that is taken');
  const payload = data.length === size ? data : await through(data, new DecompressionStream('deflate-raw'), size);
  const intact =
    payload.length === size && crc32(payload) === checksum && (!digest || bytesToHex(digest) === bytesToHex(sha256(payload)));
  if (!intact) throw new Error('its size or checksum is another one than it says');
  return parcelOf(payload);
}

function parcelOf(payload: Uint8Array): Parcel {
  const end = payload.findIndex((byte, at) => byte === 10 && payload[at + 1] === 10);
  if (end < 0) throw new Error('it has no manifest');
  const lines = new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(0, end)).split('\n');
  if (lines.shift() !== FIRST_LINE) throw new Error('it is of another kind, or of a later version of this program');
  if (!lines.length || lines.length > FILES) throw new Error('it has no files, or too many');
  let at = end + 2;
  const files = lines.map((line) => {
    const entry = /^([0-9a-f]{64}) (\d{1,9}) (.+)$/u.exec(line);
    if (!entry) throw new Error('it has a line that cannot be read');
    const bytes = payload.slice(at, at + Number(entry[2]));
    at += Number(entry[2]);
    if (bytesToHex(sha256(bytes)) !== entry[1]) throw new Error('it has a file whose SHA-256 is not that of its line');
    return { name: entry[3], bytes };
  });
  const parcel = sorted(files);
  checkNames(parcel.files);
  const again = payloadOf(parcel.files);
  if (again.length !== payload.length || again.some((byte, at) => byte !== payload[at])) {
    throw new Error('it has bytes that belong to no file, or its lines in another order');
  }
  return parcel;
}

function sorted(files: { name: string; bytes: Uint8Array }[]): Parcel {
  const all = files.map(({ name, bytes }) => ({ name, bytes, sha256: bytesToHex(sha256(bytes)) }));
  const key = (file: ParcelFile) => utf8.encode(`${file.sha256}  ${file.name}`);
  all.sort((one, other) => compare(key(one), key(other)));
  const manifest = all.map((file) => `${file.sha256}  ${file.name}\n`).join('');
  return { files: all, digest: sha256(utf8.encode(manifest)) };
}

function compare(one: Uint8Array, other: Uint8Array): number {
  for (let at = 0; at < Math.min(one.length, other.length); at++) if (one[at] !== other[at]) return one[at] - other[at];
  return one.length - other.length;
}

function payloadOf(files: ParcelFile[]): Uint8Array {
  const lines = files.map((file) => `${file.sha256} ${file.bytes.length} ${file.name}\n`).join('');
  return concat(utf8.encode(`${FIRST_LINE}\n${lines}\n`), ...files.map((file) => file.bytes));
}

function checkNames(files: ParcelFile[]): void {
  const seen = new Set<string>();
  for (const { name } of files) {
    const harmless =
      utf8.encode(name).length <= 255 &&
      name.split('/').every((part) => /^[^.\- ]/u.test(part) && !/[. ]$/u.test(part) && !/[\\:*?"<>|\p{C}\p{Zl}\p{Zp}]/u.test(part));
    if (!harmless) throw new Error(`the name ${JSON.stringify(name)} could do harm; give the file a plain name`);
    if (seen.has(name.toLowerCase())) throw new Error(`the name ${name} stands there twice`);
    seen.add(name.toLowerCase());
  }
}

function looksSecret(bytes: Uint8Array): boolean {
  const text = new TextDecoder('latin1').decode(bytes);
  const skip = bytes[1] < 0x80 ? 2 : 2 + (bytes[1] & 0x7f);
  const der = bytes[0] === 0x30 && bytes[skip] === 2 && bytes[skip + 1] === 1 && [0, 1, 3].includes(bytes[skip + 2]);
  return der || ['PRIVATE KEY-----', 'AGE-SECRET-KEY-', 'AGE-PLUGIN-YUBIKEY-1'].some((mark) => text.includes(mark));
}
