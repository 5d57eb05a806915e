// Which fragments a part is the sum of, as BCR-2024-001 has it, and what follows from the parts that were read.
import { sha256 } from '@noble/hashes/sha2.js';
import { concat } from './codec';

const MASK = (1n << 64n) - 1n;
const rotated = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (64n - by))) & MASK;

/** xoshiro256**, as numbers from 0 to below 1. */
function random(number: number, checksum: number): () => number {
  const seed = new Uint8Array(8);
  new DataView(seed.buffer).setUint32(0, number);
  new DataView(seed.buffer).setUint32(4, checksum);
  const digest = new DataView(sha256(seed).buffer);
  const state = [0, 8, 16, 24].map((at) => digest.getBigUint64(at));
  return () => {
    const result = (rotated((state[1] * 5n) & MASK, 7n) * 9n) & MASK;
    const shifted = (state[1] << 17n) & MASK;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotated(state[3], 45n);
    return Math.min(Number(result) / 18446744073709551616, 1 - Number.EPSILON);
  };
}

/** The degrees of the parts of a message of so many fragments: 1, 1/2, 1/3, … by the alias method. */
export class Chooser {
  private readonly own: number[];
  private readonly alias: number[];

  constructor(private readonly count: number) {
    const weights = Array.from({ length: count }, (_, index) => 1 / (index + 1));
    const sum = weights.reduce((sum, weight) => sum + weight, 0);
    const left = weights.map((weight) => (weight * count) / sum);
    const small: number[] = [];
    const large: number[] = [];
    for (let index = count - 1; index >= 0; index--) (left[index] < 1 ? small : large).push(index);
    this.own = Array(count).fill(1);
    this.alias = Array(count).fill(0);
    while (small.length && large.length) {
      const short = small.pop()!;
      const long = large.pop()!;
      this.own[short] = left[short];
      this.alias[short] = long;
      left[long] += left[short] - 1;
      (left[long] < 1 ? small : large).push(long);
    }
  }

  fragments(number: number, checksum: number): number[] {
    if (number <= this.count) return [number - 1];
    const next = random(number, checksum);
    const place = Math.floor(this.count * next());
    const degree = 1 + (next() < this.own[place] ? place : this.alias[place]);
    const remaining = Array.from({ length: this.count }, (_, index) => index);
    return Array.from({ length: degree }, () => remaining.splice(Math.floor(next() * remaining.length), 1)[0]);
  }
}

interface Row {
  mask: Uint8Array;
  sum: Uint8Array;
}

export type Added = 'news' | 'known' | 'contradiction';

/** Gaussian elimination over GF(2): every part counts that says something new. */
export class Solver {
  private readonly rows: (Row | undefined)[];
  rank = 0;

  constructor(private readonly count: number) {
    this.rows = Array(count).fill(undefined);
  }

  get whole(): boolean {
    return this.rank === this.count;
  }

  known(): boolean[] {
    return this.rows.map((row) => row !== undefined && row.mask.reduce((sum, bit) => sum + bit, 0) === 1);
  }

  add(fragments: number[], sum: Uint8Array): Added {
    const row: Row = { mask: new Uint8Array(this.count), sum: sum.slice() };
    for (const fragment of fragments) row.mask[fragment] ^= 1;
    for (let fragment = 0; fragment < this.count; fragment++) {
      const known = this.rows[fragment];
      if (row.mask[fragment] && known) addTo(row, known);
    }
    const own = row.mask.indexOf(1);
    if (own < 0) return row.sum.every((byte) => byte === 0) ? 'known' : 'contradiction';
    for (const other of this.rows) if (other?.mask[own]) addTo(other, row);
    this.rows[own] = row;
    this.rank++;
    return 'news';
  }

  message(): Uint8Array {
    return concat(...this.rows.map((row) => row!.sum));
  }
}

function addTo(row: Row, other: Row): void {
  for (let at = 0; at < row.mask.length; at++) row.mask[at] ^= other.mask[at];
  for (let at = 0; at < row.sum.length; at++) row.sum[at] ^= other.sum[at];
}
