/**
 * WebAssembly for Node.js: the object that `require('wrt')` returns has the shape and the behaviour
 * of the global `WebAssembly`, on an engine of its own.
 *
 * Sizes of memories are counted in pages of 65,536 bytes, sizes of tables in elements. Values of
 * type i64 are BigInts, all other numbers Numbers; v128 cannot cross to JavaScript.
 *
 * Errors: a module that is not valid throws {@link CompileError}, imports that do not match throw
 * {@link LinkError}, a trap throws {@link RuntimeError}. An argument of a wrong type is a
 * `TypeError`, a number out of bounds, memory that cannot be had, or an exhausted call stack a
 * `RangeError`. What an imported function throws arrives at the caller as it is.
 */

/** Bytes of a module. They are copied before a function returns. */
export type BufferSource = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Kinds of imports and exports. */
export type ImportExportKind = 'function' | 'global' | 'memory' | 'table';

/** Kinds of elements of a table; `anyfunc` is what the specification calls funcref. */
export type TableKind = 'anyfunc' | 'externref';

/** Types of the values of a global, and the JavaScript values that they correspond to. */
export interface ValueTypeMap {
  i32: number;
  i64: bigint;
  f32: number;
  f64: number;
  /** A function that an instance exported, or null. */
  anyfunc: ExportedFunction | null;
  /** Any value. */
  externref: any;
  /** Such a global can only be passed on from an export to an import. */
  v128: never;
}

export type ValueType = keyof ValueTypeMap;

/**
 * A function that an instance exports. Its name is its index in the module, its `length` the number
 * of its parameters. It returns undefined, one value, or an array if there are several results.
 */
export type ExportedFunction = (...args: any[]) => any;

export type ExportValue = ExportedFunction | Global | Memory | Table;

/** What a module imports: a function, a {@link Memory}, {@link Table}, {@link Global}, or a constant. */
export type ImportValue = ((...args: any[]) => any) | Global | Memory | Table | number | bigint | any;

export type ModuleImports = Record<string, ImportValue>;

/** Imported values by module name, then by name. */
export type Imports = Record<string, ModuleImports>;

export type Exports = Record<string, any>;

export interface ModuleExportDescriptor {
  name: string;
  kind: ImportExportKind;
}

export interface ModuleImportDescriptor {
  module: string;
  name: string;
  kind: ImportExportKind;
}

/** A compiled and validated module, without state. */
export class Module {
  /**
   * Compiles at once; prefer {@link compile} for anything big.
   * @throws {CompileError} if the bytes are not a valid module
   */
  constructor(bytes: BufferSource);

  /** The module's exports, in order. */
  static exports(moduleObject: Module): ModuleExportDescriptor[];

  /** What the module wants to import, in order. */
  static imports(moduleObject: Module): ModuleImportDescriptor[];

  /**
   * Copies of the contents of all custom sections of a name. Names in common use: `name` (debug
   * names), `producers` (languages and tools), `target_features`, `sourceMappingURL`,
   * `external_debug_info`, `dylink.0`, and DWARF's `.debug_info`, `.debug_line` and so on.
   */
  static customSections(moduleObject: Module, sectionName: string): ArrayBuffer[];
}

/** A module with its state. */
export class Instance {
  /**
   * Instantiates at once and runs the start function.
   * @throws {TypeError} if `importObject` or an object in it is missing
   * @throws {LinkError} if an import has the wrong kind or type
   * @throws {RuntimeError} if a segment is out of bounds or the start function traps
   */
  constructor(module: Module, importObject?: Imports);

  /** The exports by name: a frozen object without prototype. */
  readonly exports: Exports;
}

export interface MemoryDescriptor {
  /** Pages at first. */
  initial: number;
  /** The most pages that it can grow to; at most, and by default, 65,536 (4 GiB). */
  maximum?: number;
  /** The type of addresses; there is no other one yet. */
  address?: 'i32';
}

/** A linear memory. */
export class Memory {
  /** @throws {RangeError} if the sizes contradict each other or the memory cannot be had */
  constructor(descriptor: MemoryDescriptor);

  /**
   * Grows the memory and detaches its buffer, even if `delta` is 0.
   * @param delta pages
   * @returns the size before, in pages
   * @throws {RangeError} if the maximum would be exceeded
   */
  grow(delta: number): number;

  /**
   * The memory's bytes. The same object until the memory grows, here or in wasm: then that buffer
   * is detached (its length is 0) and this is a new one.
   */
  readonly buffer: ArrayBuffer;
}

export interface TableDescriptor<K extends TableKind = TableKind> {
  element: K;
  /** Elements at first, at most 10,000,000. */
  initial: number;
  /** The most elements that it can grow to. */
  maximum?: number;
  /** The type of indices; there is no other one yet. */
  address?: 'i32';
}

/** A table of references. */
export class Table<K extends TableKind = TableKind> {
  /** @param value of all elements; by default null (`anyfunc`) or undefined (`externref`) */
  constructor(descriptor: TableDescriptor<K>, value?: ValueTypeMap[K]);

  /** Number of elements. */
  readonly length: number;

  /** @throws {RangeError} if the index is out of bounds */
  get(index: number): ValueTypeMap[K];

  /**
   * @throws {RangeError} if the index is out of bounds
   * @throws {TypeError} if a table of functions gets anything but an exported function or null
   */
  set(index: number, value?: ValueTypeMap[K]): void;

  /**
   * @param delta elements
   * @returns the number of elements before
   * @throws {RangeError} if the maximum would be exceeded
   */
  grow(delta: number, value?: ValueTypeMap[K]): number;
}

export interface GlobalDescriptor<T extends ValueType = ValueType> {
  value: T;
  /** False by default. */
  mutable?: boolean;
}

/** A global variable. */
export class Global<T extends ValueType = ValueType> {
  /** @param v the value; by default 0, null or undefined */
  constructor(descriptor: GlobalDescriptor<T>, v?: ValueTypeMap[T]);

  /** @throws {TypeError} if it is set and the global is not mutable, or of type v128 */
  value: ValueTypeMap[T];

  valueOf(): ValueTypeMap[T];
}

/** A constructor of errors that works without `new`, too, like those of the language. */
export interface NativeErrorConstructor<E extends Error> {
  new (message?: string, options?: { cause?: unknown }): E;
  (message?: string, options?: { cause?: unknown }): E;
  readonly prototype: E;
}

/** A module is not valid. The text ends with the offset in its bytes, as ` @+offset`. */
export interface CompileError extends Error {}
export const CompileError: NativeErrorConstructor<CompileError>;

/** Imports do not match. */
export interface LinkError extends Error {}
export const LinkError: NativeErrorConstructor<LinkError>;

/** A trap. */
export interface RuntimeError extends Error {}
export const RuntimeError: NativeErrorConstructor<RuntimeError>;

export interface WebAssemblyInstantiatedSource {
  module: Module;
  instance: Instance;
}

/** The part of a fetch `Response` that the streaming functions use. */
export interface ResponseLike {
  readonly headers: { get(name: string): string | null };
  readonly ok: boolean;
  readonly status: number;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Whether bytes are a valid module. */
export function validate(bytes: BufferSource): boolean;

/** Compiles off the main thread. Rejects with a {@link CompileError} if the bytes are not valid. */
export function compile(bytes: BufferSource): Promise<Module>;

/** Compiles and instantiates; rejects with what {@link Module} and {@link Instance} throw. */
export function instantiate(bytes: BufferSource, importObject?: Imports): Promise<WebAssemblyInstantiatedSource>;
/** Instantiates. The imports are read before this returns. */
export function instantiate(moduleObject: Module, importObject?: Imports): Promise<Instance>;

/** Compiles the body of a `Response` of type `application/wasm`. */
export function compileStreaming(source: ResponseLike | PromiseLike<ResponseLike>): Promise<Module>;

/** Compiles the body of a `Response` of type `application/wasm` and instantiates it. */
export function instantiateStreaming(
  source: ResponseLike | PromiseLike<ResponseLike>,
  importObject?: Imports,
): Promise<WebAssemblyInstantiatedSource>;

// Beyond the standard. These exports are not enumerable.

/** What {@link withDeadline} ends a call with. Its `cause` is the signal's reason, if there was a signal. */
export interface DeadlineError extends RuntimeError {
  code: 'ERR_WRT_DEADLINE';
}

/**
 * Calls `func` and ends wasm that still runs in that call when the limit is reached: the call of the
 * exported function throws a {@link DeadlineError}, through all JavaScript and wasm up to this one. The
 * thread and all other instances stay as they are. An instance that was ended keeps the state that it had
 * at that moment and can be called again, if its program can live with a call that stopped half-way.
 *
 * Time counts by the clock. Wasm is looked at every 5 ms that it runs and whenever an import returns; what
 * JavaScript does in between, in an import for example, is not ended. A call that is finished returns its
 * result even if it took longer. Only the call itself is watched, not what happens after an `await` in it.
 *
 * As nothing else on the thread runs meanwhile, a signal can only be aborted by JavaScript that the call
 * itself runs, such as an import; `AbortSignal.timeout()` never is. Use a number of milliseconds then.
 *
 * @example
 * try {
 *   const result = WebAssembly.withDeadline(100, () => instance.exports.compute(input));
 * } catch (error) {
 *   if (error.code !== 'ERR_WRT_DEADLINE') throw error;
 *   // It took more than 100 ms.
 * }
 *
 * @param limit milliseconds, or a signal
 * @returns what `func` returns
 * @throws {DeadlineError} also at once, if the signal is aborted already
 */
export function withDeadline<T>(limit: number | AbortSignal, func: () => T): T;
