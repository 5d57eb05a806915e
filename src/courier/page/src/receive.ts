// From the other machine into this one.
import { look, prepare, start } from './camera';
import { element, list, say } from './dom';
import { Heard, Receiver } from './frames';
import { plainView } from './metadata';
import { Parcel, ParcelFile, unpack } from './parcel';
import { tar } from './tar';
import { words } from './words';

const ARCHIVE = 'officiant-files.tar';

const QUIET_MS = 1500;
/** Pixels along the longer side at which a photograph is looked at once more. */
const LARGE = 4096;
const video = element<HTMLVideoElement>('video');
const status = element('status');
const camera = element<HTMLSelectElement>('camera');

let receiver = new Receiver();
let stream: MediaStream | null = null;
let lastNews = 0;
let foreignInARow = 0;
let ready: Promise<void> | null = null;
/** Names each run of the camera, so that a run that was stopped takes nothing more in. */
let run = 0;

const REMARKS: Partial<Record<Heard, string>> = {
  unrelated: 'That is a code of something else. Point the camera at the codes of the ceremony.',
  'other-type': 'That is a frame of another program. Point the camera at the codes of the ceremony.',
  misread: 'A frame was misread; the next one will do.',
  absurd: 'A frame that no program of ours makes was ignored.',
  poisoned: 'Parts contradicted each other, so all were dropped. Hold the camera so that only one screen is in the picture.',
};

export function setUp(): void {
  element('start').addEventListener('click', () => void toggle());
  element('over').addEventListener('click', startOver);
  element('agree').addEventListener('click', agree);
  element('differ').addEventListener('click', differ);
  element('save-all').addEventListener('click', saveAll);
  element<HTMLInputElement>('photographs').addEventListener('change', (event) => void photographs(event.target as HTMLInputElement));
  camera.addEventListener('change', () => {
    if (stream) void begin();
  });
}

function readReader(): Promise<void> {
  ready ??= prepare(element('wasm').textContent!.trim());
  return ready;
}

async function toggle(): Promise<void> {
  if (stream) stop();
  else await begin();
}

async function begin(): Promise<void> {
  stop();
  say(status, 'Starting the camera …');
  try {
    await readReader();
    stream = await start(video, camera.value);
  } catch (error) {
    return say(status, (error as Error).message, 'bad');
  }
  element('start').textContent = 'Stop the camera';
  element('viewfinder').hidden = false;
  say(status, 'Point the camera at the codes on the other screen.');
  await cameras();
  lastNews = performance.now();
  const mine = ++run;
  while (run === mine && !receiver.message) {
    await nextPicture();
    if (run !== mine || video.readyState < 2) continue;
    const seen = await look(video, video.videoWidth, video.videoHeight);
    if (run !== mine) return;
    if (seen.text !== null) await take(seen.text);
    else if (performance.now() - lastNews > QUIET_MS) say(status, seen.hint!, 'warn');
  }
}

function nextPicture(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 250);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    if ('requestVideoFrameCallback' in video) video.requestVideoFrameCallback(done);
    else requestAnimationFrame(done);
  });
}

function stop(): void {
  run++;
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  element('viewfinder').hidden = true;
  element('start').textContent = 'Start the camera';
}

/** Which cameras there are is told only once one was allowed. */
async function cameras(): Promise<void> {
  const all = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === 'videoinput');
  const now = stream?.getVideoTracks()[0]?.getSettings().deviceId;
  camera.replaceChildren(
    ...all.map((device, index) => {
      const option = new Option(device.label || `Camera ${index + 1}`, device.deviceId);
      option.selected = device.deviceId === now;
      return option;
    }),
  );
  element('which').hidden = all.length < 2;
}

async function photographs(input: HTMLInputElement): Promise<void> {
  await readReader();
  let unread = 0;
  for (const file of Array.from(input.files ?? [])) {
    if (receiver.message) break;
    try {
      const picture = await createImageBitmap(file);
      let seen = await look(picture, picture.width, picture.height);
      if (seen.text === null) seen = await look(picture, picture.width, picture.height, LARGE);
      if (seen.text === null) unread++;
      else await take(seen.text);
    } catch {
      unread++;
    }
  }
  input.value = '';
  if (!receiver.message) say(status, `${progressText()} ${unread} pictures had no code that could be read. Choose more; any will do.`, 'warn');
}

async function take(text: string): Promise<void> {
  const heard = receiver.take(text);
  if (heard === 'news' || heard === 'whole' || heard === 'known') {
    foreignInARow = 0;
    if (heard !== 'known') lastNews = performance.now();
  }
  if (heard === 'foreign') foreignInARow++;
  if (foreignInARow > 3) {
    say(status, 'These codes are of another parcel, or of another size, than those read first. If they are the right ones, start over.', 'warn');
  } else if (REMARKS[heard]) say(status, REMARKS[heard]!, 'warn');
  else if (heard === 'news') {
    // A screen reader hears four steps, not every frame.
    const quarter = Math.floor((4 * receiver.rank) / receiver.count) * 25;
    say(status, quarter ? `${quarter} % is there. Keep the camera on the screen.` : 'Reading. Keep the camera on the screen.');
  }
  showProgress();
  if (heard === 'whole') await whole();
}

function progressText(): string {
  return receiver.count ? `${receiver.rank} of ${receiver.count} parts.` : 'No part yet.';
}

function showProgress(): void {
  const bar = element<HTMLProgressElement>('progress');
  bar.max = Math.max(1, receiver.count);
  bar.value = receiver.rank;
  element('parts').replaceChildren(
    ...receiver.known().map((known) => {
      const part = document.createElement('i');
      if (known) part.className = 'in';
      return part;
    }),
  );
  element('counts').textContent = receiver.count
    ? `${receiver.rank} of ${receiver.count} parts, ${receiver.frames} frames read` +
      (receiver.foreign ? `, ${receiver.foreign} of something else ignored` : '') +
      (receiver.restarts ? `, begun again ${receiver.restarts} times` : '')
    : '';
}

let parcel: Parcel | null = null;

async function whole(): Promise<void> {
  stop();
  try {
    parcel = await unpack(receiver.message!);
  } catch (error) {
    say(status, `Everything was read, but ${(error as Error).message}. Nothing was taken. Start over.`, 'bad');
    return;
  }
  say(status, 'Everything was read. Now compare the words below with those on the other screen.', 'good');
  list('words', words(parcel.digest));
  element('arrived').hidden = false;
  element('compare-heading').focus();
}

function agree(): void {
  element('question').hidden = true;
  element('files').replaceChildren(...parcel!.files.map(row));
  element('archive').hidden = !hasFolders();
  element('saving').hidden = false;
  element('files-heading').focus();
}

function differ(): void {
  startOver();
  say(status, 'The words differ: these are not the files that the other machine shows. Nothing was kept. Look at both screens, and start over.', 'bad');
}

function row(file: ParcelFile): HTMLElement {
  const item = document.createElement('li');
  const title = document.createElement('h3');
  title.textContent = `${file.name} (${file.bytes.length} bytes)`;
  const view = document.createElement('ul');
  view.append(...plainView(file.name, file.bytes).map(line));
  const digest = document.createElement('p');
  digest.className = 'hex';
  digest.textContent = `SHA-256 ${file.sha256}`;
  const button = document.createElement('button');
  button.textContent = `Save ${file.name}`;
  button.addEventListener('click', () => save(file));
  item.append(title, view, digest, button);
  return item;
}

function line(text: string): HTMLElement {
  const item = document.createElement('li');
  item.textContent = text;
  return item;
}

function save(file: ParcelFile): void {
  // A download has no folders.
  download(file.bytes, file.name.replaceAll('/', '_'));
}

function download(bytes: Uint8Array, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes as BlobPart], { type: 'application/octet-stream' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function saveAll(): void {
  if (hasFolders()) download(tar(parcel!.files), ARCHIVE);
  else parcel?.files.forEach((file, at) => setTimeout(() => save(file), at * 300));
}

function hasFolders(): boolean {
  return parcel?.files.some((file) => file.name.includes('/')) ?? false;
}

function startOver(): void {
  stop();
  receiver = new Receiver();
  parcel = null;
  foreignInARow = 0;
  for (const id of ['arrived', 'saving']) element(id).hidden = true;
  element('question').hidden = false;
  showProgress();
  say(status, 'Nothing was read yet.');
}
