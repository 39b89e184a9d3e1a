import type { KeptRequest } from '../domain/kept-tasks.ts';
import { REQUEST_FIELDS, type FieldSpec, type RequestField } from '../domain/request-fields.ts';
import type { GenerationRequest } from '../domain/request.ts';

/** Whether what was kept is a request still: every field there and in its range. */
export function isRequest(value: unknown): value is GenerationRequest {
  return isKeptRequest(value) && value.image !== null;
}

/** As `isRequest`, but the person's picture may be gone. */
export function isKeptRequest(value: unknown): value is KeptRequest {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  if (typeof fields.appId !== 'string') return false;
  return (Object.keys(REQUEST_FIELDS) as RequestField[]).every((field) => {
    if (field === 'image' && fields.image === null) return true;
    const spec: FieldSpec<unknown> = REQUEST_FIELDS[field];
    return spec.rule.check(fields[field]).ok;
  });
}
