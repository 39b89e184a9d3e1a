const SPACE = [' ', '\t', '\r', '\n'];
const BACKSLASH = 92;
const FIRST_PRINTABLE = 32;

/**
 * JSON read forwards, value by value, for headers from strangers. JSON.parse would build the whole tree before anything
 * can be refused, at up to 30 times the text's size, and lets the last of two equal keys win unseen. Little is allocated besides
 * the values themselves.
 * Every method throws SyntaxError (a sentence without its full stop) where the text holds something else.
 */
export class JsonReader {
  readonly #text: string;
  readonly #numbers: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Calls `onKey` where each value begins; it has to read exactly that value, and to know whether a key may come twice. */
  object(onKey: (key: string) => void): void {
    this.#expect('{');
    if (this.#take('}')) return;
    do {
      const key = this.string();
      this.#expect(':');
      onKey(key);
    } while (this.#take(','));
    this.#expect('}');
  }

  /** A list of at most `most` whole numbers. */
  integers(most: number): number[] {
    let count = 0;
    this.#expect('[');
    if (this.#take(']')) return [];
    do {
      if (count === most) throw new SyntaxError(`a list has more than ${most} entries`);
      this.#numbers[count++] = this.#integer();
    } while (this.#take(','));
    this.#expect(']');
    // A list that grows keeps room for 17 numbers.
    return this.#numbers.slice(0, count);
  }

  string(): string {
    this.#expect('"');
    const begin = this.#at;
    let isPlain = true;
    for (; this.#text[this.#at] !== '"'; this.#at += 1) {
      const code = this.#text.charCodeAt(this.#at);
      // NaN behind the end. What follows a backslash ends nothing.
      if (Number.isNaN(code)) throw this.#unexpected('the end of a string', begin - 1);
      if (code === BACKSLASH) this.#at += 1;
      if (code === BACKSLASH || code < FIRST_PRINTABLE) isPlain = false;
    }
    const end = this.#at++;
    return isPlain ? this.#text.slice(begin, end) : this.#unescaped(begin - 1);
  }

  /** Throws unless nothing but white space is left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
  }

  #unescaped(begin: number): string {
    try {
      return JSON.parse(this.#text.slice(begin, this.#at)) as string;
    } catch {
      throw this.#unexpected('a string without bad escapes and control characters', begin);
    }
  }

  #integer(): number {
    this.#skipSpace();
    const begin = this.#at;
    let value = 0;
    for (let digit = this.#digit(); digit !== undefined; digit = this.#digit()) {
      value = value * 10 + digit;
      this.#at += 1;
    }
    const digits = this.#at - begin;
    const padded = digits > 1 && this.#text[begin] === '0';
    const goesOn = '.eE'.includes(this.#text[this.#at] ?? 'none');
    if (digits === 0 || padded || goesOn || !Number.isSafeInteger(value)) {
      throw this.#unexpected('a whole number from 0', begin);
    }
    return value;
  }

  #digit(): number | undefined {
    const digit = this.#text.charCodeAt(this.#at) - 48;
    return digit >= 0 && digit <= 9 ? digit : undefined;
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
    while (SPACE.includes(this.#text[this.#at] ?? 'none')) this.#at += 1;
  }

  #unexpected(wanted: string, at = this.#at): SyntaxError {
    const found = at < this.#text.length ? JSON.stringify(this.#text.slice(at, at + 24)) : 'its end';
    return new SyntaxError(`at character ${at} ${wanted} is missing: there is ${found}`);
  }
}
