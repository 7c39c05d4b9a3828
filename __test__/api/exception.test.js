'use strict';

const { same, instantiate } = require('../support/compare');
const wat = require('../support/wat');

same('tags', (W, log) => {
  for (const descriptor of [
    undefined,
    {},
    { parameters: [] },
    { parameters: ['i32', 'externref'] },
    { parameters: 5 },
    { parameters: ['i8'] },
    { parameters: [1] },
    { parameters: new Set(['i64']) },
  ]) {
    log.try(() => new W.Tag(descriptor));
  }
});

same('exceptions', (W, log) => {
  const tag = new W.Tag({ parameters: ['i32', 'i64', 'f32', 'externref'] });
  const other = new W.Tag({ parameters: [] });
  const object = {};
  const exception = new W.Exception(tag, [1.5, 2n, 0.1, object]);
  log(exception.is(tag), exception.is(other), exception instanceof Error, Object.prototype.toString.call(exception));
  for (let i = 0; i < 4; i++) log(exception.getArg(tag, i));
  log(exception.getArg(tag, 3) === object);
  for (const index of [4, -1, 1.5, undefined]) log.try(() => exception.getArg(tag, index));
  log.try(() => exception.getArg(other, 0));
  log.try(() => exception.getArg({}, 0));
  log.try(() => exception.is({}));
  log.try(() => exception.is());
  log.try(() => new W.Exception(tag));
  log.try(() => new W.Exception(tag, [1, 2, 3, 4]));
  log.try(() => new W.Exception({}, []));
  log.try(() => new W.Exception(other, []));
  log(typeof new W.Exception(other, [], { traceStack: true }).stack, new W.Exception(other, []).stack);
});

same('a thrown Exception passes through wasm', (W, log) => {
  const exception = new W.Exception(new W.Tag({ parameters: ['i32'] }), [7]);
  const { f } = instantiate(W, wat`(module (import "m" "f" (func $f)) (func (export "f") call $f))`, {
    m: {
      f() {
        throw exception;
      },
    },
  });
  let caught;
  try {
    f();
  } catch (e) {
    caught = e;
  }
  log(caught === exception);
});

same('a tag and an exception refuse other receivers', (W, log) => {
  for (const key of ['is', 'getArg']) {
    const method = W.Exception.prototype[key];
    for (const receiver of [undefined, {}, W.Exception.prototype]) {
      log.try(() => method.call(receiver, new W.Tag({ parameters: [] }), 0), { as: key });
    }
  }
});
