/**
 * The functions of the native library. What most programs need is made here, and what is called often, so that it is a
 * constant; V8 takes 4 µs to make a function of Node-API.
 */

import native from '../start/binding.js';

const { make } = native;

export const { scratch } = native;

export const carrier = make('carrier');
export const compile = make('compile');
export const compileAsync = make('compileAsync');
export const describe = make('describe');
export const describeException = make('describeException');
export const enter = make('enter');
export const exceptionObject = make('exceptionObject');
export const frames = make('frames');
export const functionCell = make('functionCell');
export const functionIndex = make('functionIndex');
export const functionSignature = make('functionSignature');
export const functionType = make('functionType');
export const globalGet = make('globalGet');
export const globalNew = make('globalNew');
export const globalSet = make('globalSet');
export const hostCell = make('hostCell');
export const instantiate = make('instantiate');
export const jsTag = make('jsTag');
export const makeException = make('makeException');
export const memoryBuffer = make('memoryBuffer');
export const memoryGrow = make('memoryGrow');
export const memoryNew = make('memoryNew');
export const memorySize = make('memorySize');
export const onCrowded = make('onCrowded');
export const onEnterResting = make('onEnterResting');
export const onRequest = make('onRequest');
export const resume = make('resume');
export const tableGet = make('tableGet');
export const tableGrow = make('tableGrow');
export const tableNew = make('tableNew');
export const tableSet = make('tableSet');
export const tableSize = make('tableSize');
export const tagCell = make('tagCell');
export const watch = make('watch');

/**
 * The others, each made when it is first named.
 * @type {import('../start/binding.js').Functions}
 */
export const rare = new Proxy(/** @type {any} */ ({ __proto__: null }), {
  get: (made, name) => (made[name] ??= make(/** @type {any} */ (name))),
});
