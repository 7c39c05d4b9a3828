/**
 * Loads the native engine. What it exports converts nothing and decides nothing: values cross in
 * its scratch memory (`lib/scratch.js`), and all that JavaScript can observe is decided in `lib/`.
 */

/**
 * @typedef {object} Binding
 * @property {ArrayBuffer} scratch memory through which values cross, see `lib/scratch.js`
 * @property {<N extends keyof Functions>(name: N) => Functions[N]} make the function of that name, a new one
 */

/**
 * @typedef {object} Functions
 * @property {(directory: string, version: string) => string | null} codeFile for V8's code of the facade; null if it cannot be named
 * @property {(directory: string, version: string) => [ArrayBuffer, string, ArrayBuffer, string] | null} readCode V8's code in it and the
 *   source, of the facade and of what `lib/script.js` evaluates
 * @property {() => void} enter starts the function that scratch names
 * @property {(poll: () => void) => void} onInterrupt what to call when a guest was interrupted, for measurements
 * @property {(innermost: () => number) => void} onCrowded tells the depth of the innermost activation that is being served
 * @property {(microseconds: number) => void} interruptEvery 0 for never
 * @property {() => boolean} canInterrupt false if the system has no timer for it
 * @property {(func: () => any, check: () => void) => any} within calls the first, and the second whenever a guest is interrupted in it
 * @property {() => void} resume goes on with the activation that scratch names
 * @property {() => number[]} compileStats see `lib/stats.js`
 * @property {() => string} takeCompileError why the last function that was called could not be compiled
 * @property {() => void} reclaim discards activations that nobody will resume
 * @property {(bytes: Uint8Array, Module?: Function) => number | string | [number, object]} compile a module, or the text of
 *   an error; or a module with what `carrier` gives
 * @property {(bytes: Uint8Array) => Promise<number | string>} compileAsync
 * @property {() => object} newStream what takes the bytes of a module one after the other; fails where no thread can be had
 * @property {(stream: object, bytes: Uint8Array) => void} pushToStream
 * @property {(stream: object) => Promise<number | string>} finishStream as `compileAsync`
 * @property {(bytes: Uint8Array) => boolean} validate
 * @property {() => (string | boolean)[]} features names of switches, each with whether it is on
 * @property {(name: string, on: boolean) => boolean} setFeature
 * @property {() => (string | number)[]} limits names of resources, each with the most that may be used
 * @property {(name: string, most: number, limits?: object) => boolean} setLimit of the process, if no others are named
 * @property {(outer: object | undefined) => object} newLimits
 * @property {(limits: object | undefined) => void} useLimits for what is made next
 * @property {(module: number) => ArrayBuffer} serialize
 * @property {(image: Uint8Array, bytes: Uint8Array) => number | string} deserialize as `compile`
 * @property {(directory: string) => string} enableCache
 * @property {(module: number) => string} cacheStatus
 * @property {(atEnd: boolean) => number} flushCache
 * @property {(module: number) => string} describe imports and exports with types, as JSON
 * @property {(module: number, name: string) => ArrayBuffer[]} customSections
 * @property {(module: number, Module: Function) => object} carrier a module of V8's that carries it, see `lib/carrier.js`
 * @property {(section: Uint8Array) => number | string} open a module from the section of a carrier
 * @property {(module: number, numbers: Int32Array) => string | null} instantiate
 * @property {() => void} memoryNew
 * @property {() => void} memorySize
 * @property {() => void} memoryGrow
 * @property {(memory: number) => ArrayBuffer} memoryBuffer a new buffer; detaches the former one
 * @property {(Memory: Function, descriptor: object) => object | undefined} newNativeMemory a shared memory of V8's
 * @property {(bytes: Uint8Array, copy: Uint8Array, is64: boolean, maximum: number) => number} sharedMemory its handle; 0 beyond a limit
 * @property {(bytes: Uint8Array, copy: Uint8Array) => [number, number, number] | null} openSharedMemory see `lib/shared.js`
 * @property {() => void} sharedMemoryTake
 * @property {() => void} sharedMemoryGiveBack
 * @property {() => void} sharedMemoryGrown
 * @property {(serve: (action: number, cell: any, at: number, value: any, timeout: number) => number) => void} onRequest
 *   does what guests ask for
 * @property {() => void} tableNew
 * @property {() => void} tableSize
 * @property {() => void} tableGet
 * @property {() => void} tableSet
 * @property {() => void} tableGrow
 * @property {() => void} globalNew
 * @property {() => void} globalGet
 * @property {() => void} globalSet
 * @property {(types: number[]) => number} tagNew
 * @property {() => number} jsTag the tag of what JavaScript throws
 * @property {(tag: number) => string} tagSignature
 * @property {(tag: number) => number} tagType number of its type in this process
 * @property {() => any} tagCell of the tag that `FUNCTION` of scratch names
 * @property {() => boolean} hasHandlers is there code that could catch what JavaScript throws?
 * @property {() => void} exceptionObject has the object in a slot of references stand for an exception
 * @property {() => void} makeException makes the exception that scratch describes; its number in slot 0
 * @property {() => void} describeException describes the exception whose number is in slot 0
 * @property {(func: number) => number} functionIndex its index in the module
 * @property {(func: number) => string} functionSignature
 * @property {(func: number) => number} functionType number of its type in this process
 * @property {(sub: number, of: number) => boolean} isSubtype of types by their numbers
 * @property {(bitmap: Uint32Array) => number} markReferences sets a bit for each slot in use; words looked at
 * @property {(cell: object) => void} watch has what scratch names released once the cell is gone; leaves in slot 0 what is due, see `lib/rest.js`
 * @property {(cells: object[], idle: boolean) => Int32Array | null} rest see `lib/rest.js`
 * @property {(cells: object[]) => void} wake
 * @property {(wake: () => void) => void} onEnterResting
 * @property {() => void} collect has V8 collect at once, and releases what has lost its cell
 * @property {() => void} sweep releases what has lost its cell
 * @property {(func: number) => any} functionCell cell of a function's instance
 * @property {(host: number) => any} hostCell cell of the instance that imports a host function
 * @property {() => void} frames see `lib/trace.js`
 * @property {(module: number, offset: number) => { index: number, name?: string, moduleName?: string, hash: number } | null} describeFrame
 * @property {() => number[]} stats
 */

// Not in functions: V8 compiles each when it is called, for as long as this takes to find a file.
const { WRT_NATIVE_LIBRARY: other } = process.env;
const file = other ? require('path').resolve(other) : `${__dirname}/../wrt.node`;
const library = { exports: /** @type {any} */ ({}) };
try {
  // Not by `require`, which would give all copies of wrt in a thread the same functions: what the library calls of a
  // copy is its own.
  if (file.endsWith('js')) library.exports = require(file);
  else process.dlopen(library, file);
} catch (cause) {
  const system = `${process.platform}-${process.arch}, Node.js ${process.versions.node}`;
  const missing = !require('fs').existsSync(file);
  const reason = missing ? 'is missing (not built, or this system is not supported)' : 'cannot be loaded';
  const error = new Error(`wrt: its native library ${file} ${reason} on ${system}`, { cause });
  throw Object.assign(error, { code: missing ? 'ERR_WRT_NOT_BUILT' : 'ERR_WRT_NOT_LOADED' });
}

export default /** @type {Binding} */ (library.exports);
