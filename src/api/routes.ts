/** Which paths the API answers. Letter case does not matter: the hosted API's own documents spell them in several ways. */

export type Route =
  | { readonly name: 'generate' | 'task' | 'cancel' | 'models' }
  | { readonly name: 'picture'; readonly taskId: string; readonly index: number };

const NAMES: Readonly<Record<string, Exclude<Route['name'], 'picture'>>> = {
  getimagetoimage: 'generate',
  getimage: 'task',
  canceltask: 'cancel',
  list_of_apps: 'models',
};

const PICTURE = /^results\/([0-9a-z-]{1,64})\/(\d{1,3})\.(png|webp|jpg)$/;

/** `base`: the folder of the API, ending in a slash. Undefined where the path is none of ours. */
export function routeOf(url: URL, base: URL): Route | undefined {
  if (url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return undefined;
  const path = url.pathname.slice(base.pathname.length).toLowerCase().replace(/\/$/, '');
  const picture = PICTURE.exec(path);
  if (picture !== null) return { name: 'picture', taskId: picture[1]!, index: Number(picture[2]) };
  const name = Object.hasOwn(NAMES, path) ? NAMES[path] : undefined;
  return name === undefined ? undefined : { name };
}
