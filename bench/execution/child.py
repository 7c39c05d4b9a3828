"""What child.js does, for Wasmtime."""

import json
import sys
import time

import wasmtime

SEED = 12345


def milliseconds():
    return time.process_time() * 1000


with open(sys.argv[1], "rb") as file:
    data = file.read()
start = milliseconds()
store = wasmtime.Store()
instance = wasmtime.Instance(store, wasmtime.Module(store.engine, data), [])
run = instance.exports(store)["run"]
results = [run(store, SEED)]
whole = milliseconds() - start
steady = []
for _ in range(2):
    before = milliseconds()
    results.append(run(store, SEED))
    steady.append(milliseconds() - before)
print(json.dumps({"whole": whole, "steady": min(steady), "results": results}))
