/** English: what went wrong, and what to do about it, by error code. */
import type { ErrorCode } from '../domain/errors.ts';

export type Details = Readonly<Record<string, unknown>>;

/** What went wrong, in the person's words, and what to do about it. */
export interface ErrorText {
  readonly title: string;
  readonly advice: string;
}

const megabytes = (value: unknown): string => `${Math.ceil(Number(value) / 2 ** 20)} MB`;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const ANOTHER_PICTURE = 'Try a photo or drawing as JPEG, PNG or WebP.';

/** By what was wrong with the answer. What is loaded so far is kept. */
const downloadAdvice: Readonly<Record<string, string>> = {
  'log-in': 'The server asks for a log-in. Download the files there and import them here.',
  'web-page': 'There is a web page where its files should be. Check the address.',
  encoded: 'The server changes the files on the way (compression). Use another address, or import the files.',
  range: 'The server does not answer what is asked. Try again, or use another address.',
  length: 'The server sends files of another length. Try again, or use another address.',
  stalled: 'The connection fell silent. Check it and try again: what is loaded is kept.',
};

/** Whether it was pictures or waiting series that could not be kept, and not a model. */
const isOfTasks = (database: unknown): boolean => database === 'likeness-queue' || database === 'likeness-results';

export const enErrors: Record<ErrorCode, (details: Details) => ErrorText> = {
  // The title is the hosted API's sentence.
  'no-face': () => ({
    title: 'Unable to detect faces. Please provide a clear image.',
    advice: 'Choose another picture, or place the face yourself.',
  }),
  'image-unreachable': ({ host, status, timedOut, insecure, badAddress }) => {
    if (badAddress === true) {
      return { title: 'That is not a picture’s address.', advice: 'It begins with https:// and leads to one picture.' };
    }
    if (typeof status === 'number') {
      return {
        title: `${text(host)} answered “${status}” instead of a picture.`,
        advice: 'Check the address, or download the picture and choose the file.',
      };
    }
    const late = timedOut === true ? ' in 30 seconds' : '';
    const advice =
      insecure === true
        ? 'Pages may only fetch https:// pictures. Use an https address, or download the picture and choose the file.'
        : 'Check the address and your connection, or choose a file.';
    return { title: `${text(host) || 'The address'} could not be reached${late}.`, advice };
  },
  'image-cors-blocked': ({ host }) => ({
    title: `${text(host)} does not let other pages read its pictures (CORS).`,
    advice: 'Download the picture, then choose the file here.',
  }),
  'image-not-an-image': ({ webPage, type }) =>
    webPage === true || type === 'html'
      ? {
          title: 'The address leads to a web page, not to a picture.',
          advice: 'Right-click the picture there, copy its address, and use that.',
        }
      : { title: 'This file is not a picture.', advice: ANOTHER_PICTURE },
  'image-unsupported': ({ type, tooSmall, width, height }) => {
    if (tooSmall === true) {
      return {
        title: `The picture has only ${String(width)} × ${String(height)} pixels: too few to show a face.`,
        advice: 'Choose one in which the face is at least 100 pixels wide.',
      };
    }
    const names: Record<string, string> = {
      heic: 'HEIC photos (the iPhone format) cannot be read here.',
      svg: 'SVG drawings cannot be read.',
      pdf: 'This is a PDF document, whatever its name says.',
      gif: 'GIF pictures cannot be read.',
      bmp: 'BMP pictures cannot be read.',
      avif: 'AVIF pictures cannot be read.',
    };
    return {
      title: names[text(type)] ?? 'This kind of picture cannot be read.',
      advice: 'Save or export it as JPEG, PNG or WebP.',
    };
  },
  'image-too-large': ({ width, height, bytes, maxBytes }) => ({
    title:
      bytes === undefined
        ? `The picture has ${String(width)} × ${String(height)} pixels: more than fit in memory here.`
        : `The picture file has ${megabytes(bytes)}; the limit is ${megabytes(maxBytes)}.`,
    advice: 'Scale it down first; 1,500 pixels a side are plenty.',
  }),
  'image-corrupt': () => ({
    title: 'The picture file is damaged or ends too soon.',
    advice: 'Save or download it again, or choose another one.',
  }),
  'invalid-request': () => ({ title: 'Some entries are not right yet.', advice: 'They are marked in red.' }),
  'unknown-app': ({ appId }) => ({ title: `There is no model “${text(appId)}”.`, advice: 'Open the page without it.' }),
  unauthorized: () => ({ title: 'The server refused the access token.', advice: 'Check the token in the settings.' }),
  'payload-too-large': () => ({ title: 'The request is too large.', advice: 'Use a smaller picture.' }),
  'rate-limited': () => ({ title: 'Too many requests.', advice: 'Wait a minute and try again.' }),
  unavailable: () => ({ title: 'The service is not available.', advice: 'Try again later.' }),
  'bundle-invalid': () => ({
    title: 'The model’s description is damaged.',
    advice: 'Reload the page; if it stays, the site has to be published again.',
  }),
  'bundle-missing-file': ({ file }) => ({
    title: `A part of the model is missing${file === undefined ? '' : ` (${text(file)})`}.`,
    advice: 'Reload the page; if it stays, the site has to be published again.',
  }),
  integrity: ({ file, imported, tasks }) =>
    typeof tasks === 'number'
      ? {
          title: `${tasks === 1 ? 'One kept series' : `${tasks} kept series`} could not be read any more.`,
          advice: 'The others are here; wish for what is missing again.',
        }
      : {
          title: `A part of the model arrived damaged${file === undefined ? '' : ` (${text(file)})`} and was thrown away.`,
          advice:
            imported === true
              ? 'Import the model’s files again.'
              : 'Try again; if it stays, the site has to be published again.',
        },
  'download-failed': ({ reason }) => ({
    title: 'The model could not be loaded.',
    advice: downloadAdvice[text(reason)] ?? 'Check your connection and try again.',
  }),
  'storage-unavailable': ({ database }) =>
    isOfTasks(database)
      ? {
          title: 'This browser does not let the page keep pictures.',
          advice: 'They go with the page: download those that you want. A normal (not private) window keeps them.',
        }
      : {
          title: 'This browser does not let the page keep the model.',
          advice:
            'It works all the same, but loads the model again on every visit. A normal (not private) window keeps it.',
        },
  'quota-exceeded': ({ database }) =>
    isOfTasks(database)
      ? {
          title: 'There is no room left to keep pictures.',
          advice: 'What is new goes with the page: download what you want, then remove other pictures or models.',
        }
      : {
          title: 'There is no room left to keep the model.',
          advice:
            'It works all the same, but loads the model again on every visit. Free some disk space to change that.',
        },
  'model-in-use': () => ({
    title: 'This model is in use.',
    advice: 'Use another one first, also in other tabs of this page; then it can be removed.',
  }),
  'out-of-memory': () => ({
    title: 'Memory ran out.',
    advice: 'Close other tabs, choose a smaller size, or compute by “Economy”, then try again.',
  }),
  'device-lost': () => ({ title: 'The graphics device was lost.', advice: 'Try again: it starts anew.' }),
  'engine-poisoned': () => ({ title: 'The engine had to be restarted.', advice: 'Try again.' }),
  'engine-hung': () => ({ title: 'The engine stopped answering and was restarted.', advice: 'Try again.' }),
  'worker-crashed': () => ({
    title: 'The engine stopped unexpectedly.',
    advice: 'Try again; if it stays, close other tabs or choose a smaller size.',
  }),
  // With a build or an action, the engine's own files did not arrive; without, there is nothing to compute with.
  'backend-unavailable': ({ build, action }) =>
    build !== undefined || action !== undefined
      ? { title: 'The engine could not be loaded.', advice: 'Check your connection and try again.' }
      : {
          title: 'This browser cannot compute here.',
          advice: 'Update it, or use a current Chrome, Edge, Firefox or Safari.',
        },
  'weights-invalid': () => ({
    title: 'The model’s weights do not fit this version.',
    advice: 'Reload the page to get the version that does.',
  }),
  'graph-invalid': () => ({
    title: 'The engine refused the network for this size.',
    advice: 'Try another size, and please report it.',
  }),
  'submit-uncertain': () => ({
    title: 'It is unknown whether the server got the request.',
    advice: 'Look there first.',
  }),
  cancelled: () => ({ title: 'Cancelled.', advice: '' }),
  internal: () => ({ title: 'Something went wrong here.', advice: 'Try again, and please report it.' }),
};
