/** A thread of the reconstruction: it waits in WebAssembly for loops to share, and never returns. */

onmessage = async ({ data: { module, memory, worker, stack } }) => {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  /** @type {WebAssembly.Global} */ (exports.__stack_pointer).value = stack;
  postMessage("ready");
  /** @type {(worker: number) => void} */ (exports.serve)(worker);
};
