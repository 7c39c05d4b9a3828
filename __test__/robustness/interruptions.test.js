'use strict';

// What issue 6 (interruption of running guests, and memories without a reservation) brings. Until then the engine
// cannot stop a guest that neither ends nor calls out, and needs 6 GiB of address space a memory.
// The scenarios are written (interruptions.js) and fail; each becomes a test with that change:
//   terminate 5          { slowest }, below 1000 ms
//   timeout 5            { slowest }, below 1000 ms
//   littleAddressSpace   under `ulimit -v 6000000`; { done: 20 }. The module comes in WRT_SCENARIO_WASM, since V8's
//                        wasm, and so wabt, does not run then: a memory "m" "mem" of at least 2 pages, exports
//                        load (i32.load offset=4) and grow (memory.grow 3).

test.todo('worker.terminate ends a loop of the guest (issue 6)');
test.todo('a timeout of vm ends a loop of the guest (issue 6)');
test.todo('with little address space (issue 6)');
