import type { Likeness } from '../../src/api/sdk.ts';

/** Queues a task and leaves; the id finds it again, also at another visit. */
export async function queueAndLeave(likeness: Likeness, face: Blob): Promise<string> {
  const { taskId } = await likeness.getImageToImage({ image: face, prompt: 'a person in a red hat', celery: true });
  return taskId;
}

/** Where the task stands, in words. */
export async function lookAgain(likeness: Likeness, taskId: string): Promise<string> {
  const task = await likeness.getTask(taskId);
  switch (task?.status) {
    case undefined:
      return 'There is no such task.';
    case 'PENDING':
      return task.queuePosition === null ? 'It is being drawn.' : `${task.queuePosition} before it.`;
    case 'SUCCESS':
      return `${task.images.length} pictures, seeds ${task.images.map(({ seed }) => seed).join(', ')}.`;
    case 'FAILED':
      return `It failed: ${task.error.code}.`;
  }
}
