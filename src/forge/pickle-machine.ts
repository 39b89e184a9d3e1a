/**
 * The part of Python's pickle machine (Lib/pickletools.py of CPython 3.13, protocols 0–5) that state dicts need. It has no
 * way to run anything: a name means what the given world says, and every other opcode is refused by its number.
 */
import {
  isName,
  PickleDict,
  PickleError,
  type PickleBudget,
  type PickleValue,
  type PickleWorld,
} from './pickle-values.ts';

/** torch.save puts 1,000 entries on the stack before it stores them. */
const MAX_STACK = 10_000;
const MAX_MARKS = 1_000;
const MAX_NAME_BYTES = 200;
const NEWLINE = 10;
const EMPTY_TUPLE: readonly PickleValue[] = Object.freeze([]);

/** Bytes that V8 allocates for these, what is thrown away at once included: measured by test/unit/forge/fuzz.test.ts. */
const COST = {
  ...{ list: 64, item: 8, appended: 24, memo: 32, number: 16 },
  ...{ dict: 48, firstEntry: 200, entry: 64, string: 140, name: 500, persistent: 240 },
} as const;

/** The value that the pickle builds. Throws PickleError. */
export function runPickle(bytes: Uint8Array, world: PickleWorld, budget: PickleBudget): PickleValue {
  return new Machine(bytes, world, budget).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #world: PickleWorld;
  readonly #budget: PickleBudget;
  readonly #text = new TextDecoder('utf-8', { fatal: true });
  /** A name that is no UTF-8 is unknown anyway. */
  readonly #names = new TextDecoder();
  /** All of it at once: a stack that grows is copied again and again. */
  readonly #stack = new Array<PickleValue>(MAX_STACK).fill(null);
  #height = 0;
  /** Stack heights. */
  readonly #marks: number[] = [];
  readonly #memo: PickleValue[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, world: PickleWorld, budget: PickleBudget) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#world = world;
    this.#budget = budget;
  }

  /** Every turn uses at least one byte up, so it ends. */
  run(): PickleValue {
    for (;;) {
      const at = this.#at;
      const opcode = this.#byte();
      // STOP
      if (opcode === 0x2e) return this.#pop();
      if (!this.#structure(opcode) && !this.#literal(opcode) && !this.#object(opcode)) {
        const code = opcode.toString(16).padStart(2, '0');
        throw new PickleError(`at byte ${at} it uses opcode 0x${code}, which no state dict needs`);
      }
    }
  }

  /** Marks, memo and containers. */
  #structure(opcode: number): boolean {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.#byte() > 5) throw new PickleError('its protocol is newer than 5');
        return true;
      case 0x95: // FRAME
        this.#take(8);
        return true;
      case 0x28: // MARK
        if (this.#marks.length === MAX_MARKS) throw new PickleError('it is nested too deeply');
        this.#marks.push(this.#height);
        return true;
      case 0x71: // BINPUT
        return this.#memoise(this.#byte());
      case 0x72: // LONG_BINPUT
        return this.#memoise(this.#uint32());
      case 0x94: // MEMOIZE
        return this.#memoise(this.#memo.length);
      case 0x68: // BINGET
        return this.#recall(this.#byte());
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#uint32());
      case 0x7d: // EMPTY_DICT
        return this.#push(this.#newDict());
      case 0x5d: // EMPTY_LIST
        return this.#push(this.#newList([]));
      case 0x29: // EMPTY_TUPLE
        return this.#push(EMPTY_TUPLE);
      case 0x74: // TUPLE
      case 0x6c: // LIST
        return this.#push(this.#newList(this.#popFrom(this.#popMark())));
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push(this.#newList(this.#popFrom(this.#height - (opcode - 0x84))));
      case 0x61: // APPEND
        return this.#append(this.#height - 1);
      case 0x65: // APPENDS
        return this.#append(this.#popMark());
      case 0x73: // SETITEM
        return this.#setItems(this.#height - 2);
      case 0x75: // SETITEMS
        return this.#setItems(this.#popMark());
      default:
        return false;
    }
  }

  #literal(opcode: number): boolean {
    switch (opcode) {
      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4a: // BININT
        return this.#number(this.#view.getInt32(this.#skip(4), true));
      case 0x4b: // BININT1
        return this.#push(this.#byte());
      case 0x4d: // BININT2
        return this.#push(this.#view.getUint16(this.#skip(2), true));
      case 0x47: // BINFLOAT
        return this.#number(this.#view.getFloat64(this.#skip(8), false));
      case 0x8a: // LONG1
        return this.#number(this.#long(this.#take(this.#byte())));
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING: bytes of Python 2; the names of tensors are ASCII
        return this.#string(this.#take(this.#uint32()));
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING
        return this.#string(this.#take(this.#byte()));
      default:
        return false;
    }
  }

  /** Names and what is made of them: the world's business. */
  #object(opcode: number): boolean {
    switch (opcode) {
      case 0x63: // GLOBAL
        return this.#name(this.#lines());
      case 0x93: {
        // STACK_GLOBAL
        const [name, module] = [this.#pop(), this.#pop()];
        if (typeof module !== 'string' || typeof name !== 'string') throw new PickleError('a name in it is no text');
        return this.#name(`${module}.${name}`);
      }
      case 0x52: {
        // REDUCE
        const args = this.#pop();
        const callee = this.#pop();
        if (!isName(callee) || callee.call === undefined || !Array.isArray(args)) {
          throw new PickleError(`it calls ${isName(callee) ? callee.name : 'something that is no name'}`);
        }
        this.#budget.spend(callee.cost);
        return this.#push(callee.call(args as readonly PickleValue[]));
      }
      case 0x62: {
        // BUILD: the attributes of an OrderedDict (a state dict's _metadata) are of no use here
        this.#pop();
        const target = this.#pop();
        if (!(target instanceof PickleDict))
          throw new PickleError('it sets attributes of something that is no dictionary');
        return this.#push(target);
      }
      case 0x51: // BINPERSID
        this.#budget.spend(COST.persistent);
        return this.#push(this.#world.load(this.#pop()));
      default:
        return false;
    }
  }

  #name(name: string): boolean {
    this.#budget.spend(COST.name);
    return this.#push(this.#world.lookUp(name));
  }

  #number(value: number): boolean {
    this.#budget.spend(COST.number);
    return this.#push(value);
  }

  #string(bytes: Uint8Array): boolean {
    // Two bytes a character as soon as one needs them.
    this.#budget.spend(COST.string + bytes.length * (bytes.every(isAscii) ? 1 : 2));
    try {
      return this.#push(this.#text.decode(bytes));
    } catch {
      throw new PickleError('a text in it is not UTF-8');
    }
  }

  /** Two's complement, little-endian; beyond 2^53 the nearest double, which no offset or size accepts. */
  #long(bytes: Uint8Array): number {
    this.#budget.spend(COST.string + bytes.length * bytes.length);
    let value = 0n;
    for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
    return Number(BigInt.asIntN(8 * bytes.length, value));
  }

  #newDict(): PickleDict {
    this.#budget.spend(COST.dict);
    return new PickleDict();
  }

  #newList(items: PickleValue[]): PickleValue[] {
    this.#budget.spend(COST.list + COST.item * items.length);
    return items;
  }

  /** What lies from `begin` on goes into the list below. */
  #append(begin: number): boolean {
    const list = this.#below(begin);
    if (!Array.isArray(list) || list === EMPTY_TUPLE) throw new PickleError('it appends to something that is no list');
    this.#budget.spend(COST.appended * (this.#height - begin));
    for (let i = begin; i < this.#height; i++) (list as PickleValue[]).push(this.#stack[i]!);
    this.#height = begin;
    return true;
  }

  /** Keys and values from `begin` on go into the dictionary below. */
  #setItems(begin: number): boolean {
    const dict = this.#below(begin);
    const count = this.#height - begin;
    if (!(dict instanceof PickleDict) || count % 2 !== 0) {
      throw new PickleError('it sets entries of something that is no dictionary');
    }
    if (count > 0 && dict.isEmpty) this.#budget.spend(COST.firstEntry);
    this.#budget.spend((COST.entry * count) / 2);
    for (let i = begin; i < this.#height; i += 2) {
      const key = this.#stack[i]!;
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw new PickleError('a key in it is neither text nor a number');
      }
      dict.add(key, this.#stack[i + 1]!);
    }
    this.#height = begin;
    return true;
  }

  /** Python numbers its memo one by one; any other number only serves to make the table large. */
  #memoise(index: number): boolean {
    if (index !== this.#memo.length) throw new PickleError('its memo is not numbered one by one');
    this.#budget.spend(COST.memo);
    this.#memo.push(this.#top());
    return true;
  }

  #recall(index: number): boolean {
    const value = this.#memo[index];
    if (value === undefined) throw new PickleError('it recalls what it never stored');
    return this.#push(value);
  }

  #push(value: PickleValue): true {
    if (this.#height === MAX_STACK) throw new PickleError('it puts more than 10,000 values on its stack');
    this.#stack[this.#height++] = value;
    return true;
  }

  #top(): PickleValue {
    return this.#below(this.#height);
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#height -= 1;
    return value;
  }

  /** The value under height `begin`; what lies under a mark is out of reach. */
  #below(begin: number): PickleValue {
    if (begin <= (this.#marks.at(-1) ?? 0)) throw new PickleError('its stack runs empty');
    return this.#stack[begin - 1]!;
  }

  #popFrom(begin: number): PickleValue[] {
    if (begin < (this.#marks.at(-1) ?? 0)) throw new PickleError('its stack runs empty');
    const values = this.#stack.slice(begin, this.#height);
    this.#height = begin;
    return values;
  }

  #popMark(): number {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new PickleError('a mark is missing');
    return mark;
  }

  /** A module and a name in it, a line each. */
  #lines(): string {
    const begin = this.#at;
    for (let lines = 0; lines < 2; lines += this.#byte() === NEWLINE ? 1 : 0) {
      if (this.#at - begin > MAX_NAME_BYTES) throw new PickleError('a name in it has no end');
    }
    const text = this.#names.decode(this.#bytes.subarray(begin, this.#at - 1));
    return text.replace('\n', '.');
  }

  #byte(): number {
    return this.#bytes[this.#skip(1)]!;
  }

  #uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  /** Where the next `count` bytes begin. */
  #skip(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw new PickleError('it ends in the middle');
    this.#at += count;
    return at;
  }

  #take(count: number): Uint8Array {
    const at = this.#skip(count);
    return this.#bytes.subarray(at, at + count);
  }
}

function isAscii(byte: number): boolean {
  return byte < 128;
}
