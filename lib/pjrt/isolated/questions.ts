/**
 * Functions of one process that another one calls: those that a client's process gives to its plugin's, for callbacks and key-value
 * stores. There, each is a function that returns a promise; a call of it is a question, with a number, and is answered once.
 */
import { pjrtCodes } from '../../errors';
import { type Refusal, refusalOf } from '../asking';

type Asked = (...args: unknown[]) => Promise<unknown>;

export type Answer = readonly [question: number, isResult: boolean, value: unknown];

/** Who tells the other process, for a promise that is garbage. */
const lost = new FinalizationRegistry<() => void>((tell) => tell());

/** Of the process that has the functions. */
export class Functions {
  readonly #ids = new Map<Asked, number>();
  readonly #functions: Asked[] = [];

  /** A function's number in the other process, the same each time. */
  idOf(asked: Asked): number {
    const known = this.#ids.get(asked);
    if (known !== undefined) return known;
    const id = this.#functions.push(asked) - 1;
    this.#ids.set(asked, id);
    return id;
  }

  /** Calls a function, later: messages come one at a time, and it may wait for one. Its answer is an error where nobody will ever give one. */
  async answer(question: number, id: number, args: readonly unknown[], tell: (answer: Answer) => void): Promise<void> {
    await undefined;
    const settled = {};
    const gone: Refusal = { code: pjrtCodes.indexOf('CANCELLED'), message: 'its promise is gone, and was never settled' };
    lost.register(settled, () => tell([question, false, gone]), settled);
    try {
      const value = await this.#functions[id](...args);
      tell([question, true, value]);
    } catch (error) {
      tell([question, false, refusalOf(error)]);
    } finally {
      lost.unregister(settled);
    }
  }
}

/** Of the process that calls them. */
export class Questions {
  readonly #open = new Map<number, { resolve(value: unknown): void; reject(refusal: unknown): void }>();
  #last = 0;

  constructor(readonly send: (question: number, id: number, args: readonly unknown[]) => void) {}

  /** The other process's function of this number. */
  functionOf(id: number): Asked {
    return (...args) =>
      new Promise((resolve, reject) => {
        const question = ++this.#last;
        this.#open.set(question, { resolve, reject });
        this.send(question, id, args);
      });
  }

  answered(...[question, isResult, value]: Answer): void {
    const open = this.#open.get(question);
    this.#open.delete(question);
    if (isResult) open?.resolve(value);
    else open?.reject(value);
  }
}
