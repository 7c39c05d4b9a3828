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
 * `RangeError`. What an imported function throws arrives at the caller as it is, unless wasm catches it; what wasm
 * throws arrives as an {@link Exception}.
 */

/** Bytes of a module. They are copied before a function returns. */
export type BufferSource = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Kinds of imports and exports. */
export type ImportExportKind = 'function' | 'global' | 'memory' | 'table' | 'tag';

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

export type ExportValue = ExportedFunction | Global | Memory | Table | Tag;

/** What a module imports: a function, a {@link Memory}, {@link Table}, {@link Tag}, {@link Global}, or a constant. */
export type ImportValue = ((...args: any[]) => any) | Global | Memory | Table | Tag | number | bigint | any;

export type ModuleImports = Record<string, ImportValue>;

/** Imported values by module name, then by name. */
export type Imports = Record<string, ModuleImports>;

export type Exports = Record<string, any>;

/** The type of a function; `anyfunc` and `funcref` are the same. */
export interface FunctionType {
  parameters: (ValueType | 'funcref')[];
  results: (ValueType | 'funcref')[];
}

/** The type of a memory; `minimum` is its size now, in pages. */
export interface MemoryType {
  minimum: AddressValue;
  maximum?: AddressValue;
  shared: boolean;
  address: AddressType;
  /** If it is not 65,536. */
  pageSize?: number;
}

/** The type of a table; `minimum` is its size now, in elements. */
export interface TableType {
  element: 'funcref' | 'externref';
  minimum: AddressValue;
  maximum?: AddressValue;
  address: AddressType;
}

/** The type of a global. */
export interface GlobalType {
  mutable: boolean;
  value: Exclude<ValueType, 'anyfunc'> | 'funcref';
}

/** The type of a tag. */
export interface TagType {
  parameters: ValueType[];
}

export type ExternType = FunctionType | MemoryType | TableType | GlobalType | TagType;

export interface ModuleExportDescriptor {
  name: string;
  kind: ImportExportKind;
  /** Beyond the standard (the proposal "JS type reflection"), and not enumerable. */
  type: ExternType;
}

export interface ModuleImportDescriptor {
  module: string;
  name: string;
  kind: ImportExportKind;
  /** Beyond the standard (the proposal "JS type reflection"), and not enumerable. */
  type: ExternType;
}

/**
 * A compiled and validated module, without state. It can be cloned and sent to other threads (`structuredClone`,
 * `postMessage`, `workerData`), which then share its code; no other object can.
 *
 * @example
 * new Worker('./work.js', { workerData: { module } }); // There: new wrt.Instance(workerData.module)
 */
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

  /**
   * Beyond the standard: the machine code that the module has so far (functions are compiled when they are called), for
   * {@link Module.deserialize}. An image is native code: keep it where only those can write whom you would let install
   * an addon.
   *
   * @example
   * fs.writeFileSync('app.image', Buffer.from(wrt.Module.serialize(module)));
   */
  static serialize(module: Module): ArrayBuffer;

  /**
   * Beyond the standard: a module of `bytes` with the code of an image. Throws a {@link CompileError} if the image is
   * damaged, or was made from other bytes, by another version of wrt, or on another kind of machine.
   *
   * @example
   * const module = wrt.Module.deserialize(fs.readFileSync('app.image'), fs.readFileSync('app.wasm'));
   */
  static deserialize(image: BufferSource, bytes: BufferSource): Module;
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

export interface MemoryDescriptor<A extends AddressType = AddressType> {
  /** Pages at first. */
  initial: AddressValue<A>;
  /**
   * The most pages that it can grow to; at most, and by default, 65,536 (4 GiB), or 262,144 (16 GiB) if addresses have
   * 64 bits. These can be declared to go up to 137,438,953,471.
   */
  maximum?: AddressValue<A>;
  /** The type of addresses; "i32" if it is missing. */
  address?: A;
  /** Can other threads have it? Then there must be a maximum, and at most 65,536 pages can be had. */
  shared?: boolean;
}

/** The type of addresses in a memory and of indices in a table. */
export type AddressType = 'i32' | 'i64';

/** An address, an index, or a size: a BigInt if they have 64 bits. */
export type AddressValue<A extends AddressType = AddressType> = A extends 'i64' ? bigint : number;

/**
 * A linear memory. A shared one can be cloned and sent to other threads, which then have the same bytes
 * (`structuredClone`, `postMessage`, `workerData`).
 *
 * @example
 * const memory = new wrt.Memory({ address: 'i64', initial: 1n });
 * memory.grow(2n); // 1n
 *
 * @example
 * const shared = new wrt.Memory({ initial: 1, maximum: 100, shared: true });
 * worker.postMessage({ module, memory: shared });
 */
export class Memory<A extends AddressType = 'i32'> {
  /** @throws {RangeError} if the sizes contradict each other or the memory cannot be had */
  constructor(descriptor: MemoryDescriptor<A>);

  /**
   * Grows the memory and detaches its buffer, even if `delta` is 0.
   * @param delta pages
   * @returns the size before, in pages
   * @throws {RangeError} if the maximum would be exceeded
   */
  grow(delta: AddressValue<A>): AddressValue<A>;

  /**
   * The memory's bytes. The same object until the memory grows, here or in wasm: then that buffer
   * is detached (its length is 0) and this is a new one.
   *
   * Of a shared memory it is a frozen SharedArrayBuffer. After growth in any thread it is a new one, and the one before
   * shows what it did.
   */
  readonly buffer: ArrayBuffer;

  /** The same as {@link buffer}, whose length is fixed. */
  toFixedLengthBuffer(): ArrayBuffer;

  /** @throws {TypeError} always: Node-API has no way to make a resizable buffer over a memory */
  toResizableBuffer(): ArrayBuffer;

  /**
   * Beyond the standard (the proposal "JS type reflection").
   *
   * @example
   * new wrt.Memory({ initial: 1, maximum: 4 }).type(); // { minimum: 1, maximum: 4, shared: false, address: 'i32' }
   */
  type(): MemoryType;
}

export interface TableDescriptor<K extends TableKind = TableKind, A extends AddressType = AddressType> {
  element: K;
  /** Elements at first, at most 10,000,000. */
  initial: AddressValue<A>;
  /** The most elements that it can grow to. */
  maximum?: AddressValue<A>;
  /** The type of indices; "i32" if it is missing. */
  address?: A;
}

/** A table of references. */
export class Table<K extends TableKind = TableKind, A extends AddressType = 'i32'> {
  /** @param value of all elements; by default null (`anyfunc`) or undefined (`externref`) */
  constructor(descriptor: TableDescriptor<K, A>, value?: ValueTypeMap[K]);

  /** Number of elements. */
  readonly length: AddressValue<A>;

  /** @throws {RangeError} if the index is out of bounds */
  get(index: AddressValue<A>): ValueTypeMap[K];

  /**
   * @throws {RangeError} if the index is out of bounds
   * @throws {TypeError} if a table of functions gets anything but an exported function or null
   */
  set(index: AddressValue<A>, value?: ValueTypeMap[K]): void;

  /**
   * @param delta elements
   * @returns the number of elements before
   * @throws {RangeError} if the maximum would be exceeded
   */
  grow(delta: AddressValue<A>, value?: ValueTypeMap[K]): AddressValue<A>;

  /**
   * Beyond the standard (the proposal "JS type reflection").
   *
   * @example
   * new wrt.Table({ element: 'anyfunc', initial: 2 }).type(); // { element: 'funcref', minimum: 2, address: 'i32' }
   */
  type(): TableType;
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

  /**
   * Beyond the standard (the proposal "JS type reflection").
   *
   * @example
   * new wrt.Global({ value: 'i64' }).type(); // { mutable: false, value: 'i64' }
   */
  type(): GlobalType;
}

/**
 * What tells exceptions of one kind from others: throwing and catching code share it as an import.
 *
 * @example
 * const tag = new wrt.Tag({ parameters: ['i32'] });
 * const { exports } = new wrt.Instance(module, { env: { tag } });
 */
export class Tag {
  /** @throws {TypeError} if there is no such type */
  constructor(type: TagType);

  /**
   * Beyond the standard (the proposal "JS type reflection").
   *
   * @example
   * new wrt.Tag({ parameters: ['i32'] }).type(); // { parameters: ['i32'] }
   */
  type(): TagType;
}

export interface ExceptionOptions {
  /** Whether the exception gets a `stack`. False by default. */
  traceStack?: boolean;
}

/**
 * An exception of wasm. It is no `Error`.
 *
 * @example
 * try {
 *   exports.parse();
 * } catch (e) {
 *   if (!(e instanceof wrt.Exception) || !e.is(tag)) throw e;
 *   console.log(e.getArg(tag, 0));
 * }
 */
export class Exception {
  /**
   * @param payload a value for each parameter of the tag
   * @throws {TypeError} if the values do not fit, or the tag is {@link JSTag}
   */
  constructor(exceptionTag: Tag, payload: ArrayLike<any>, options?: ExceptionOptions | null);

  is(exceptionTag: Tag): boolean;

  /**
   * One of the values.
   *
   * @throws {TypeError} if the exception has another tag
   * @throws {RangeError} if there is no such value
   */
  getArg(exceptionTag: Tag, index: number): any;

  readonly stack: string | undefined;
}

/** The tag by which wasm catches what JavaScript throws: its one value, an externref, is what was thrown. */
export const JSTag: Tag;

/**
 * Beyond the standard (the proposal "JS type reflection"): functions of wasm, of which exported functions are instances.
 * The constructor makes one that calls a function of JavaScript and converts values as at an import, so it can stand in
 * a table.
 *
 * @example
 * const add = new wrt.Function({ parameters: ['i32', 'i32'], results: ['i32'] }, (a, b) => a + b);
 * table.set(0, add);
 * instance.exports.run.type(); // { parameters: ['i64'], results: [] }
 */
export class Function {
  constructor(type: FunctionType, callable: (...args: any[]) => any);
  type(): FunctionType;
  /** As that of V8's functions of wasm: `function 0() { [native code] }`. */
  toString(): string;
}
export interface Function {
  (...args: any[]): any;
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

/** What {@link enableCompileCache} did. */
export interface CompileCacheResult {
  status: 'enabled' | 'alreadyEnabled' | 'failed';
  /** The directory in use, unless it failed. */
  directory?: string;
  /** Why it failed. */
  message?: string;
}

/** Whether a module's code came from the cache. */
export interface CompileCacheStatus {
  /** `off`: there was no cache when the module was made. `refused`: there is an image that must not be used. */
  status: 'off' | 'hit' | 'miss' | 'refused';
  /** Why an image was refused. */
  reason?: string;
}

/**
 * Keeps compiled code in a directory, from now on and for all threads of the process: `directory`, or the environment's
 * `WRT_CACHE_DIR`, or `wrt` in the user's cache directory. The directory is made if need be; it must belong to the user
 * and be closed to others, because the code that lies there is run. Code is written in the background and when the
 * process exits, if there is so much that it is worth it. `WRT_CACHE_DIR` in the environment does the same with no call, as does `require('wrt/register')`.
 *
 * @example
 * const { status, directory } = wrt.enableCompileCache('/var/cache/my-service');
 */
export function enableCompileCache(directory?: string): CompileCacheResult;

/** The directory in use. */
export function getCompileCacheDir(): string | undefined;

/** Where a module's code came from. */
export function getCompileCacheStatus(module: Module): CompileCacheStatus;

/**
 * Writes now what the cache does not have; returns for how many modules. Throws an `Error` if a file cannot be written.
 */
export function flushCompileCache(): number;

/**
 * Forbids the compilation of modules that `policy` does not allow, on this thread: it is called with the bytes before
 * they are compiled, and anything but `true` makes {@link Module}, {@link compile}, {@link instantiate}, their streaming
 * forms and {@link Module.deserialize} fail with a {@link CompileError}; what the policy throws is that error's `cause`.
 * Modules that exist may go on and be cloned. `null` allows everything.
 *
 * @example
 * wrt.setCodeGenerationPolicy((bytes) => trusted.has(createHash('sha256').update(bytes).digest('hex')));
 */
export function setCodeGenerationPolicy(policy: ((bytes: Uint8Array) => boolean) | null): void;

/** What is live on a thread. What is unreachable counts until the garbage collector has found that out. */
export interface Stats {
  modules: number;
  instances: number;
  /** Memories, those that no JavaScript object stands for included. */
  memories: number;
  tables: number;
  /** External references that wasm holds, or held when the engine last looked. */
  references: number;
  /** Bytes of address space that compiled code takes. */
  codeBytes: number;
  /** Bytes of address space that memories reserve; pages are taken as they are used. */
  reservedBytes: number;
  /** What compiling has cost the process so far, all its threads together. */
  compile: CompileStats;
}

export interface CompileFigure {
  /** Modules or functions. */
  count: number;
  /** Time of all threads together. */
  milliseconds: number;
}

/** Why a start takes its time. */
export interface CompileStats {
  /** Modules that were decoded and validated. */
  modules: CompileFigure;
  /** Functions that were compiled when they were called: their callers waited. */
  onDemand: CompileFigure;
  /** Functions that were compiled again for good, in the background, because they run often. */
  improved: CompileFigure;
  /** Functions that came from the cache or from an image. */
  fromImages: CompileFigure;
}

/**
 * Counts of the current thread, and what compiling has cost the process.
 *
 * @example
 * const { onDemand } = wrt.stats().compile;
 * console.log(`${onDemand.count} functions compiled in ${onDemand.milliseconds} ms while somebody waited`);
 */
export function stats(): Stats;

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
 * @throws {RangeError} at once, if the system has no timer for it
 */
export function withDeadline<T>(limit: number | AbortSignal, func: () => T): T;

/**
 * A switch for each feature of the engine beyond WebAssembly 2.0. They belong to the process and decide what {@link validate}
 * and everything that compiles accepts from then on; modules that exist stay as they are. The environment's `WRT_FEATURES`
 * sets them before anything runs: names, separated by commas, with `-` before what is to be off.
 *
 * @example
 * wrt.features.relaxedSimd = false; // or WRT_FEATURES=-relaxedSimd
 */
export interface Features {
  /** More than one memory in a module. On. */
  multiMemory: boolean;
  /** Memories and tables with addresses of 64 bits. On. */
  memory64: boolean;
  /** Memories with pages of one byte: a proposal that no browser has. On. */
  customPageSizes: boolean;
  /** Vector instructions whose results may depend on the processor. On. */
  relaxedSimd: boolean;
  /** Exceptions, the old instructions (`try`, `catch`) and the new ones (`try_table`). On. */
  exceptions: boolean;
  /** `return_call`, `return_call_indirect`: calls in place of the function that makes them. On. */
  tailCalls: boolean;
  /** Additions, subtractions and multiplications of integers in constant expressions. On. */
  extendedConst: boolean;
  /**
   * Typed references to functions (`call_ref`, `ref.as_non_null`, `br_on_null`, tables with initial elements), recursion
   * groups and declared subtypes of function types, and constants of the module's own globals. On.
   */
  functionReferences: boolean;
  /** Shared memories and atomic instructions: threads. On. */
  atomics: boolean;
  /** `i64.add128`, `i64.sub128`, `i64.mul_wide_s`, `i64.mul_wide_u`: a proposal that no browser has. On. */
  wideArithmetic: boolean;
  /**
   * Relaxed instructions give the results of the standard's deterministic profile, the same on every processor, and take
   * longer. Off.
   */
  deterministic: boolean;
  /**
   * New memories take no more addresses than they have bytes (by default, 6 GiB are reserved for each, of addresses, not
   * of memory), and each access to them is checked by instructions. That is slower. It is also done, without being asked
   * for, where so many addresses cannot be had. Off.
   */
  boundsChecks: boolean;
  /**
   * A processor that runs ahead of a check, guessing that it succeeds, cannot load from where the check will refuse to (Spectre,
   * variant 1). That concerns tables and the types of functions in them, and those memories whose accesses are checked by
   * instructions: the usual ones of 32 bits need no guard. See SECURITY.md for what it is not. Off.
   */
  spectreGuards: boolean;
}

export const features: Features;

/** What {@link withLimits} takes: each may be left out. */
export type CallLimits = Partial<Pick<Limits, 'maxMemoryBytes' | 'maxTableElements' | 'maxInstances'>>;

/**
 * Calls `func`, and sets limits for all memories, tables and instances that are made in it, taken together, for as long as
 * these live: a guest cannot grow its memory beyond them later. What `func` awaits is part of the call. Limits around it, and
 * those of the process ({@link limits}), hold as well. What is beyond a limit fails as it does there.
 *
 * A memory that has to move when it grows ({@link Features.boundsChecks}) takes both places until it has moved.
 *
 * Code is not limited in this way, since modules of the same bytes share it.
 *
 * @example
 * const { instance } = await wrt.withLimits({ maxMemoryBytes: 2 ** 26, maxInstances: 1 }, () =>
 *   WebAssembly.instantiate(bytes, imports),
 * );
 *
 * @returns what `func` returns
 */
export function withLimits<T>(limits: CallLimits, func: () => T): T;

/**
 * What all wasm of the process may take at most, threads and modules taken together; `Infinity`, which is the default, is no
 * limit. What is beyond a limit fails as it does when the system has no more: memories, tables and instances with a
 * `RangeError` (or `memory.grow` and `table.grow` with -1), code with a {@link CompileError}. What exists stays, and what
 * the garbage collector frees can be used again.
 *
 * @example
 * wrt.limits.maxMemoryBytes = 2 ** 30;
 */
export interface Limits {
  /** Bytes of memories, not counting address space that is only reserved. */
  maxMemoryBytes: number;
  /** Elements of tables. */
  maxTableElements: number;
  maxInstances: number;
  /** Bytes of machine code. Where there is no room for better code of a function, the first one stays. */
  maxCodeBytes: number;
  /** Threads that validate a module, or improve code in the background; with 0, no code is improved. */
  maxCompileThreads: number;
}

export const limits: Limits;
