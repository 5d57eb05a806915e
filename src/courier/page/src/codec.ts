// The letters, checksums and few CBOR items of frames: BCR-2020-012 and RFC 8949. docs/QR.md tells the whole format.

const PAIRS =
  'aeadaoaxaaahamatayasbkbdbnbtbabsbebybgbwbbbzcmchcscfcycwcecackctcxclcpcndkdadsdidedtdrdndwdpdmdldyeheyeoeeecenemetesftfrfnfsfmfhfzfpfwfxfyfefgflfdgagegrgsgtglgwgdgygmgughgohfhghdhkhthphhhlhyhehnhsidiaieihiyioisinimjejzjnjtjljojsjpjkjykpkoktkskkknkgkekikblblalylflslrlplnltloldlelulklgmnmymhmemomumwmdmtmsmknlnyndnsntnnnenboyoeotoxonolospdptpkpypspmplpepfpaprqdqzrerprlrorhrdrkrfryrnrsrtsesasrssskswstspsosgsbsfsntotktitttdtetytltbtstptatnuyuoutueurvtvyvovlvevwvavdvswlwdwmwpwewywswtwnwzwfwkykynylyaytzszoztzczezm';

const BYTE_OF = new Map<string, number>();
for (let byte = 0; byte < 256; byte++) BYTE_OF.set(PAIRS.slice(2 * byte, 2 * byte + 2), byte);

const CRC = new Uint32Array(256).map((_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ CRC[(value ^ byte) & 0xff];
  return ~value >>> 0;
}

function big32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes and their CRC-32 as letters. */
export function letters(bytes: Uint8Array): string {
  let text = '';
  for (const byte of concat(bytes, big32(crc32(bytes)))) text += PAIRS.slice(2 * byte, 2 * byte + 2);
  return text;
}

/** The bytes of letters; null where one was misread. */
export function bytesOf(text: string): Uint8Array | null {
  if (text.length < 8 || text.length % 2) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const byte = BYTE_OF.get(text.slice(2 * at, 2 * at + 2));
    if (byte === undefined) return null;
    bytes[at] = byte;
  }
  const body = bytes.subarray(0, -4);
  const check = big32(crc32(body));
  return check.every((byte, at) => byte === bytes[body.length + at]) ? body : null;
}

/** The head of a CBOR item in its shortest form. */
export function head(major: number, value: number): Uint8Array {
  const first = major << 5;
  if (value < 24) return Uint8Array.of(first | value);
  if (value < 0x100) return Uint8Array.of(first | 24, value);
  if (value < 0x10000) return Uint8Array.of(first | 25, value >> 8, value);
  return concat(Uint8Array.of(first | 26), big32(value));
}

/** Reads CBOR items one after the other. Whatever is not the wanted item in its shortest form throws. */
export class Reader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  head(major: number): number {
    const first = this.take(1)[0];
    if (first >> 5 !== major) throw new Error('another item');
    const code = first & 31;
    if (code < 24) return code;
    if (code > 26) throw new Error('too large');
    const value = this.take(1 << (code - 24)).reduce((value, byte) => value * 256 + byte, 0);
    if (value < [24, 0x100, 0x10000][code - 24]) throw new Error('not the shortest form');
    return value;
  }

  data(): Uint8Array {
    return this.take(this.head(2));
  }

  end(): void {
    if (this.at !== this.bytes.length) throw new Error('something follows');
  }

  private take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) throw new Error('cut short');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
}
