// Frames: parts of a message as text, one way and the other.
import { bytesOf, crc32, concat, head, letters, Reader } from './codec';
import { Chooser, Solver } from './fountain';

/** What a frame may declare; anything beyond is ignored before memory is asked for. */
const PARTS = 1024;
const NUMBER = 999_999;
const FRAGMENT = 3000;
const MESSAGE = 1 << 20;
const LETTERS = 4296;
const PREFIX = 'ur:compressed/';

/** Letters that a QR code of version 1, 2, … 40 holds in alphanumeric mode at error correction L. */
const CAPACITY = [
  25, 47, 77, 114, 154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1046, 1153, 1249, 1352, 1460, 1588,
  1704, 1853, 1990, 2132, 2223, 2369, 2520, 2677, 2840, 3009, 3183, 3351, 3537, 3729, 3927, 4087, 4296,
];

interface Part {
  number: number;
  count: number;
  length: number;
  checksum: number;
  data: Uint8Array;
}

export type Heard = 'news' | 'known' | 'whole' | 'foreign' | 'unrelated' | 'other-type' | 'misread' | 'absurd' | 'poisoned';

function parse(text: string): Part | Uint8Array | Heard {
  text = text.trim();
  if (text.length > LETTERS) return 'unrelated';
  text = text.toLowerCase();
  if (!text.startsWith('ur:')) return 'unrelated';
  if (!text.startsWith(PREFIX)) return 'other-type';
  const pieces = text.slice(PREFIX.length).split('/');
  if (pieces.length === 1) return bytesOf(pieces[0]) ?? 'misread';
  const sequence = /^([1-9]\d{0,9})-([1-9]\d{0,9})$/.exec(pieces[0]);
  const bytes = bytesOf(pieces[1]);
  if (pieces.length > 2 || !sequence || !bytes) return 'misread';
  try {
    const reader = new Reader(bytes);
    if (reader.head(4) !== 5) return 'absurd';
    const [number, count, length, checksum] = [reader.head(0), reader.head(0), reader.head(0), reader.head(0)];
    const data = reader.data();
    reader.end();
    const all = count * data.length;
    const sane =
      number === Number(sequence[1]) && count === Number(sequence[2]) && number >= 1 && number <= NUMBER &&
      count >= 1 && count <= PARTS && data.length >= 1 && data.length <= FRAGMENT &&
      length <= MESSAGE && length > all - data.length && length <= all;
    return sane ? { number, count, length, checksum, data } : 'absurd';
  } catch {
    return 'absurd';
  }
}

/** Takes frames in, in any order and with losses, until the message is whole. */
export class Receiver {
  message: Uint8Array | null = null;
  frames = 0;
  foreign = 0;
  restarts = 0;
  private first: Part | null = null;
  private solver = new Solver(0);
  private chooser = new Chooser(0);

  get count(): number {
    return this.first?.count ?? (this.message ? 1 : 0);
  }

  get rank(): number {
    return this.first ? this.solver.rank : this.count;
  }

  known(): boolean[] {
    return this.first ? this.solver.known() : this.message ? [true] : [];
  }

  take(text: string): Heard {
    const part = parse(text);
    if (typeof part === 'string') return part;
    if (this.message) return 'known';
    if (part instanceof Uint8Array) {
      if (this.first) return this.other();
      this.frames++;
      this.message = part;
      return 'whole';
    }
    if (!this.first) {
      this.first = part;
      this.solver = new Solver(part.count);
      this.chooser = new Chooser(part.count);
    }
    const { count, length, checksum, data } = this.first;
    const same =
      part.count === count && part.length === length && part.checksum === checksum && part.data.length === data.length;
    if (!same) return this.other();
    this.frames++;
    const added = this.solver.add(this.chooser.fragments(part.number, checksum), part.data);
    if (added === 'contradiction') return this.poisoned();
    if (added === 'known' || !this.solver.whole) return added;
    const filled = this.solver.message();
    const message = filled.slice(0, length);
    if (crc32(message) !== checksum || filled.subarray(length).some((byte) => byte !== 0)) return this.poisoned();
    this.message = message;
    return 'whole';
  }

  private other(): Heard {
    this.foreign++;
    return 'foreign';
  }

  private poisoned(): Heard {
    this.first = null;
    this.restarts++;
    return 'poisoned';
  }
}

/** A message as frames, without an end. */
export class Stream {
  readonly count: number;
  readonly version: number;
  private readonly fragment: number;
  private readonly checksum: number;
  private readonly chooser: Chooser;

  constructor(private readonly message: Uint8Array, version: number) {
    const capacity = CAPACITY[version - 1];
    const alone = PREFIX.length + 2 * (message.length + 4);
    const largest = Math.min(FRAGMENT, Math.floor((capacity - PREFIX.length - '999999-1024/'.length) / 2) - 26);
    let count = alone <= capacity ? 1 : Math.ceil(message.length / Math.max(largest, 1));
    if (message.length > MESSAGE || count > PARTS || (count > 1 && largest < 1)) {
      throw new Error('These files are too large for codes of this size. Choose a larger size, or fewer files.');
    }
    this.fragment = Math.ceil(message.length / count);
    count = Math.ceil(message.length / this.fragment);
    this.count = count;
    this.version = count === 1 ? CAPACITY.findIndex((letters) => letters >= alone) + 1 : version;
    this.checksum = crc32(message);
    this.chooser = new Chooser(count);
  }

  /** The text of a frame, counted from 1. */
  frame(number: number): string {
    if (this.count === 1) return (PREFIX + letters(this.message)).toUpperCase();
    if (number > NUMBER) number = this.count + 1 + ((number - NUMBER - 1) % (NUMBER - this.count));
    const data = new Uint8Array(this.fragment);
    for (const index of this.chooser.fragments(number, this.checksum)) {
      const fragment = this.message.subarray(index * this.fragment, (index + 1) * this.fragment);
      for (let at = 0; at < fragment.length; at++) data[at] ^= fragment[at];
    }
    const cbor = concat(
      head(4, 5), head(0, number), head(0, this.count), head(0, this.message.length), head(0, this.checksum),
      head(2, data.length), data,
    );
    return `${PREFIX}${number}-${this.count}/${letters(cbor)}`.toUpperCase();
  }
}
