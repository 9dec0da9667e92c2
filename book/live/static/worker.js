// Python in a worker of its own: an endless loop does not hold up the page, and can be
// ended with it. Messages: {id, ...request} -> {id, ...answer}; the first is {id, boot}.
"use strict";
let python, kernel;

async function boot({ base, files, packages, chapter, solved }) {
  const tell = (said) => postMessage({ said });
  const archive = async (name) => {
    if (files) return files[name];
    const answer = await fetch(`${base}${name}`);
    if (!answer.ok) throw new Error(`${name}: the server answered ${answer.status}`);
    return answer.arrayBuffer();
  };
  if (files) {
    // Opened from the file system: nothing can be fetched, the page handed it all over.
    self.fetch = async (address) => {
      const name = String(address.url ?? address).split("/").pop();
      if (!files[name]) throw new Error(`not in the page: ${name}`);
      const type = name.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
      return new Response(files[name], { headers: { "Content-Type": type } });
    };
  }
  const indexURL = files ? "http://page.invalid/" : `${base}pyodide/`;
  tell("Starting Python …");
  // All of it is fetched at once: nothing waits for Python to stand.
  const core = loadPyodide({ indexURL, lockFileURL: `${indexURL}pyodide-lock.json`, packages });
  const [ready, ...own] = await Promise.all([core, ...["app.zip", `${chapter}.zip`].map(archive)]);
  python = ready;
  for (const zip of own) python.unpackArchive(zip, "zip", { extractDir: "/book" });
  python.runPython("import sys; sys.path.insert(0, '/book')");
  kernel = python.pyimport("book.live.kernel");
  kernel.begin("/work", python.toPy(solved));
  closeDoors();
  return { ready: true };
}

// Python's own files are all there. What a reader runs, or has pasted, asks nobody for
// anything and keeps nothing, beside what the page does with its answer.
const DOORS = [
  "fetch", "XMLHttpRequest", "WebSocket", "WebSocketStream", "WebTransport", "EventSource",
  "importScripts", "Worker", "SharedWorker", "BroadcastChannel", "indexedDB", "caches",
  "webkitRequestFileSystem", "webkitRequestFileSystemSync", "webkitResolveLocalFileSystemURL",
  "webkitResolveLocalFileSystemSyncURL", "storage", "storageBuckets", "locks", "serviceWorker",
  "usb", "serial", "hid",
];
function closeDoors() {
  for (let place of [self, navigator])
    for (; place; place = Object.getPrototypeOf(place))
      for (const door of DOORS) Reflect.deleteProperty(place, door);
}

const memory = () => python._module.HEAP8.length;

onmessage = async ({ data: { id, boot: given, complete, ...request } }) => {
  try {
    if (given) postMessage({ id, ...(await boot(given)) });
    else if (complete !== undefined) postMessage({ id, names: JSON.parse(kernel.complete(complete)) });
    else {
      const started = performance.now();
      const answer = JSON.parse(kernel.answer(JSON.stringify(request)));
      postMessage({ id, ms: performance.now() - started, memory: memory(), ...answer });
    }
  } catch (error) {
    postMessage({ id, failed: String(error.message ?? error) });
  }
};
