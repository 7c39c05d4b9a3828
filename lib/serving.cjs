/**
 * Serving an activation, and who is served. The only code of the facade that is not strict, which an ECMAScript module cannot
 * have: of a function that is not strict V8 shows the arguments of its innermost call. So `tools/bundle.js` puts it before
 * the modules.
 */

/**
 * @param {Int32Array} i32 scratch memory
 * @param {{ STATE: number, CALL: number, DONE: number }} scratch what `lib/scratch.js` exports
 * @param {() => boolean} returned called once the guest has returned
 * @param {() => boolean} ended called once it has ended in another way
 */
module.exports = (i32, { STATE, CALL, DONE }, returned, ended) => {
  /**
   * Serves an activation that did not simply end. `depth` names it: every resume says which activation it means, so the
   * engine can discard any that were abandoned above it.
   *
   * It does not throw what the wrapper has to throw but says so, and again when it is asked again. A function that never
   * returns and never goes round a loop stays in V8's interpreter, which then learns nothing of it: a wrapper whose guest
   * always throws would take several times as long.
   * @param {number} depth
   * @param {{ serve: (depth: number, cell: object) => void }} cell of the function that was called
   * @returns {boolean} whether the wrapper has to throw
   */
  function slow(depth, cell) {
    while (i32[STATE] === CALL) cell.serve(depth, cell);
    return i32[STATE] === DONE ? returned() : ended();
  }

  /**
   * The depth of the innermost activation that is being served, 0 for none. Activations above it were left when V8 ended
   * the JavaScript that served them, which nothing else tells.
   */
  function innermost() {
    const served = slow.arguments;
    return served === null ? 0 : served[0];
  }

  return { slow, innermost };
};
