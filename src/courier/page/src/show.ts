// From this machine to the other one.
import encodeQR from 'qr';
import { element, list, say } from './dom';
import { Stream } from './frames';
import { pack } from './parcel';
import { words } from './words';

const QUIET = 4;
const SPEEDS = [1, 2, 3, 4, 5, 8, 10];
const canvas = element<HTMLCanvasElement>('codes');
const status = element('show-status');

let message: Uint8Array | null = null;
let stream: Stream | null = null;
let number = 1;
let speed = 4;
let paused = false;
let timer = 0;

export function setUp(): void {
  for (const id of ['choose', 'choose-folder']) {
    element<HTMLInputElement>(id).addEventListener('change', (event) => {
      const input = event.target as HTMLInputElement;
      void chosen(Array.from(input.files ?? []));
    });
  }
  element('pause').addEventListener('click', () => {
    paused = !paused;
    tell();
  });
  element('next').addEventListener('click', () => step(1));
  element('previous').addEventListener('click', () => step(-1));
  element('faster').addEventListener('click', () => quicken(1));
  element('slower').addEventListener('click', () => quicken(-1));
  element<HTMLSelectElement>('size').addEventListener('change', () => cut());
  window.addEventListener('resize', draw);
}

async function chosen(files: File[]): Promise<void> {
  stop();
  try {
    const read = files.map(async (file) => ({ name: nameOf(file), bytes: new Uint8Array(await file.arrayBuffer()) }));
    const packed = await pack(await Promise.all(read));
    message = packed.message;
    list('show-files', packed.parcel.files.map((file) => `${file.name} (${file.bytes.length} bytes)`));
    list('show-words', words(packed.parcel.digest));
    cut();
  } catch (error) {
    message = null;
    say(status, (error as Error).message, 'bad');
  }
}

/** Files of a folder cross under their names below it, such as those of what the courier collected. */
function nameOf(file: File): string {
  return file.webkitRelativePath.split('/').slice(1).join('/') || file.name;
}

function cut(): void {
  if (!message) return;
  stop();
  try {
    stream = new Stream(message, Number(element<HTMLSelectElement>('size').value));
  } catch (error) {
    return say(status, (error as Error).message, 'bad');
  }
  number = 1;
  paused = false;
  element('showing').hidden = false;
  draw();
  if (stream.count > 1) timer = setTimeout(tick, 1000 / SPEEDS[speed]);
}

function stop(): void {
  clearTimeout(timer);
  stream = null;
  element('showing').hidden = true;
  say(status, '');
}

function tick(): void {
  timer = setTimeout(tick, 1000 / SPEEDS[speed]);
  if (paused) return;
  number++;
  draw();
}

function step(by: number): void {
  paused = true;
  number = Math.max(1, number + by);
  draw();
}

function quicken(by: number): void {
  speed = Math.min(SPEEDS.length - 1, Math.max(0, speed + by));
  tell();
}

/** Draws the frame: whole pixels to a module, as many as fit. */
function draw(): void {
  if (!stream) return;
  const options = { ecc: 'low' as const, version: stream.version, encoding: 'alphanumeric' as const, border: QUIET };
  const modules = encodeQR(stream.frame(number), 'raw', options);
  const side = modules.length;
  const ratio = window.devicePixelRatio || 1;
  const room = Math.min(document.documentElement.clientWidth - 16, Math.max(240, window.innerHeight - 16));
  const pixels = Math.max(1, Math.floor((room * ratio) / side));
  canvas.width = canvas.height = side * pixels;
  canvas.style.width = canvas.style.height = `${(side * pixels) / ratio}px`;
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = '#000';
  modules.forEach((row, y) => row.forEach((dark, x) => {
    if (dark) context.fillRect(x * pixels, y * pixels, pixels, pixels);
  }));
  canvas.dataset.frame = String(number);
  tell();
}

function tell(): void {
  if (!stream) return;
  element('pause').textContent = paused ? 'Go on' : 'Pause';
  const which = stream.count === 1 ? 'One code: it is everything.' : `Frame ${number}${number <= stream.count ? ` of ${stream.count}` : ''}`;
  const pace = stream.count === 1 ? '' : paused ? ', paused' : `, ${SPEEDS[speed]} a second`;
  element('frame').textContent = which + pace;
}
