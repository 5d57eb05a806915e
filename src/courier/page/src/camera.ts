// The camera, and what is to be said of its pictures.
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

const LONGEST = 1280;
const TOO_DARK = 45;
/** A module of fewer pixels than this is rarely read. */
const FAR = 2.2;

/** Readies the reader, which lies in this page as base64. */
export async function prepare(base64: string): Promise<void> {
  const wasmBinary = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
  await prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true });
}

export interface Look {
  /** The text of the code, where one was read. */
  text: string | null;
  /** What is wrong with the picture, where none was. */
  hint: string | null;
}

const canvas = document.createElement('canvas');

/** Looks for a code in a picture, made smaller where a side is longer than `longest` pixels. */
export async function look(source: CanvasImageSource, width: number, height: number, longest = LONGEST): Promise<Look> {
  const scale = Math.min(1, longest / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);
  const options = { formats: ['QRCode' as const], maxNumberOfSymbols: 1, tryHarder: true, returnErrors: true };
  const [found] = await readBarcodes(picture, options);
  if (found?.isValid) return { text: found.text, hint: null };
  if (brightness(picture) < TOO_DARK) return { text: null, hint: 'Too dark. Make the other screen brighter, or turn on a light.' };
  if (!found) return { text: null, hint: 'No code in the picture. Point the camera at the codes on the other screen.' };
  const { topLeft, topRight } = found.position;
  const side = Math.hypot(topRight.x - topLeft.x, topRight.y - topLeft.y);
  const modules = 17 + 4 * (Number(found.version) || 13);
  const hint =
    side / modules < FAR
      ? 'Too far away. Go closer, until the code fills most of the picture.'
      : 'A code is there, but it is not sharp. Hold still, keep reflections off the screen, or go a little closer.';
  return { text: null, hint };
}

function brightness(picture: ImageData): number {
  let sum = 0;
  let count = 0;
  for (let at = 0; at < picture.data.length; at += 4 * 97) {
    sum += (picture.data[at] + picture.data[at + 1] * 2 + picture.data[at + 2]) / 4;
    count++;
  }
  return sum / count;
}

/** Starts a camera into a video element. What is wrong is thrown as a sentence. */
export async function start(video: HTMLVideoElement, device: string): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error('This browser gives no camera to a page that is opened as a file. Use Chromium or Firefox, or choose photographs.');
  }
  const size = { width: { ideal: 1920 }, height: { ideal: 1080 } };
  const which = device ? { deviceId: { exact: device } } : { facingMode: { ideal: 'environment' } };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...which }, audio: false });
    video.srcObject = stream;
    await video.play();
    return stream;
  } catch (error) {
    throw new Error(sentence(error instanceof DOMException ? error.name : ''));
  }
}

function sentence(name: string): string {
  switch (name) {
    case 'NotAllowedError':
      return 'The browser was told not to give the camera. Allow it beside the address, and start again.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found. Plug one in, or choose photographs.';
    case 'NotReadableError':
      return 'Another program uses the camera. Close it, and start again.';
    default:
      return 'The camera could not be started. Choose another one, or photographs.';
  }
}
