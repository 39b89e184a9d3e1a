// A thread starts as plain JavaScript: tsx's own loader hooks do not reach into threads.
import { register } from 'tsx/esm/api';

register();
await import('./generation-thread.ts');
