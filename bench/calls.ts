/** Calls from the benchmark to a process of its own, over the channel that `fork` opens. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { inspect } from 'node:util';

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Answer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failure: string };

interface Waiting {
  resolve(result: unknown): void;
  reject(reason: Error): void;
}

/** What a process answers, by name. */
export type Answers = Readonly<Record<string, (argument: unknown) => unknown>>;

/** In the child: answers calls until the parent lets go. */
export function answerCalls(answers: Answers): void {
  process.on('message', (message) => {
    const { id, name, argument } = parseRequest(message);
    const call = async (): Promise<unknown> => {
      const answer = answers[name];
      if (answer === undefined) throw new Error(`nothing here answers ${name}`);
      return answer(argument);
    };
    call().then(
      (result) => process.send?.({ id, result } satisfies Answer),
      (error: unknown) => process.send?.({ id, failure: inspect(error) } satisfies Answer),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ id: 0, result: 'ready' } satisfies Answer);
}

/** In the parent: a process that answers calls; it ends with `stop` or with the parent. */
export class Callee {
  readonly label: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<unknown>;
  #calls = 0;

  private constructor(label: string, file: string, profileDirectory: string | undefined) {
    this.label = label;
    this.#process = fork(file, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: profileDirectory === undefined ? [] : profiling(profileDirectory, label),
    });
    this.#exited = once(this.#process, 'exit');
    this.#process.on('message', (message) => {
      this.#settle(parseAnswer(message));
    });
    this.#process.on('exit', (code, signal) => {
      for (const waiting of this.#waiting.values()) waiting.reject(new Error(`${label} ended while it was asked (${signal ?? code})`));
      this.#waiting.clear();
    });
  }

  /** Starts a process from a file and waits until it answers; with a folder, it leaves a CPU profile there as it ends. */
  static async start(label: string, file: string, profileDirectory?: string): Promise<Callee> {
    const callee = new Callee(label, file, profileDirectory);
    await new Promise((resolve, reject) => {
      callee.#waiting.set(0, { resolve, reject });
    });
    return callee;
  }

  /** Asks the process for something; `parse` says what comes back. */
  async call<T>(name: string, argument: unknown, parse: (result: unknown) => T): Promise<T> {
    this.#calls += 1;
    const id = this.#calls;
    const result = await new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, name, argument } satisfies Request);
    });
    return parse(result);
  }

  /** Lets the process go and waits for its end. */
  async stop(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#exited;
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('failure' in answer) waiting?.reject(new Error(`${this.label}: ${answer.failure}`));
    else waiting?.resolve(answer.result);
  }
}

/** For calls whose answer nobody reads. */
export function parseNothing(): void {
  // Nothing to read.
}

function profiling(directory: string, label: string): string[] {
  const name = label.toLowerCase().replaceAll(/[^a-z0-9]+/gu, '-');
  return ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${name}.cpuprofile`];
}

function parseRequest(message: unknown): Request {
  return message as Request;
}

function parseAnswer(message: unknown): Answer {
  return message as Answer;
}
