/**
 * JSON read forwards, value by value, for headers from strangers. JSON.parse would build the whole tree before anything
 * can be refused, at up to 30 times the text's size, and lets the last of two equal keys win unseen.
 * Every method throws SyntaxError (a sentence without its full stop) where the text holds something else.
 */
export class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Calls `onKey` where each value begins; it has to read exactly that value. A key that comes twice is refused. */
  object(onKey: (key: string) => void): void {
    const keys = new Set<string>();
    this.#list('{', '}', () => {
      const key = this.string();
      if (keys.has(key)) throw new SyntaxError(`the key ${JSON.stringify(key.slice(0, 80))} comes twice`);
      keys.add(key);
      this.#expect(':');
      onKey(key);
    });
  }

  /** A list of at most `most` whole numbers. */
  integers(most: number): number[] {
    const values: number[] = [];
    this.#list('[', ']', () => {
      if (values.length === most) throw new SyntaxError(`a list has more than ${most} entries`);
      values.push(this.#integer());
    });
    return values;
  }

  string(): string {
    const begin = this.#at;
    this.#expect('"');
    for (; this.#text[this.#at] !== '"'; this.#at += this.#text[this.#at] === '\\' ? 2 : 1) {
      if (this.#at >= this.#text.length) throw this.#unexpected('the end of a string', begin);
    }
    this.#at += 1;
    try {
      return JSON.parse(this.#text.slice(begin, this.#at)) as string;
    } catch {
      throw this.#unexpected('a string without bad escapes and control characters', begin);
    }
  }

  /** Throws unless nothing but white space is left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
  }

  #integer(): number {
    this.#skipSpace();
    const begin = this.#at;
    const value = Number(this.#match(/-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?/y) ?? NaN);
    const plain = /^(?:0|[1-9]\d*)$/.test(this.#text.slice(begin, Math.min(this.#at, begin + 20)));
    if (!plain || !Number.isSafeInteger(value)) throw this.#unexpected('a whole number from 0', begin);
    return value;
  }

  #list(open: string, close: string, item: () => void): void {
    this.#expect(open);
    if (this.#take(close)) return;
    do item();
    while (this.#take(','));
    this.#expect(close);
  }

  #expect(char: string): void {
    if (!this.#take(char)) throw this.#unexpected(`"${char}"`);
  }

  #take(char: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    this.#match(/[ \t\r\n]*/y);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #unexpected(wanted: string, at = this.#at): SyntaxError {
    const found = at < this.#text.length ? JSON.stringify(this.#text.slice(at, at + 24)) : 'its end';
    return new SyntaxError(`at character ${at} ${wanted} is missing: there is ${found}`);
  }
}
