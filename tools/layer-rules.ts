/**
 * The architecture as data: which layer may import which, and which package belongs to which layer. Read by
 * `check-layers.ts`; changing the architecture means changing this table and the diagram in docs/architecture.md.
 */

const ENGINE = ["util", "ir", "ops", "autograd", "compiler", "codegen", "runtime"];
const LIBRARY = ["tensor", "nn", "optim", "data", "io", "vision", "train"];

/** Files of `src/` itself: the entries of the package, and what they share. */
export const ENTRIES: readonly string[] = ["index.ts", "browser.ts", "public.ts"];

/** The layers, each a folder `src/<layer>/`, and what it may import besides itself. `index` is {@link ENTRIES}. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  util: [],
  ir: ["util"],
  ops: ["util", "ir"],
  autograd: ["util", "ir", "ops"],
  compiler: ["util", "ir", "ops"],
  codegen: ["util", "ir"],
  runtime: ["util", "ir"],
  "device/interp": ["util", "ir", "codegen", "runtime"],
  "device/native": ["util", "ir", "codegen", "runtime"],
  "device/wasm": ["util", "ir", "codegen", "runtime"],
  tensor: ["util", "ir", "ops", "autograd", "compiler", "runtime"],
  nn: ["util", "tensor"],
  optim: ["util", "tensor"],
  data: ["util", "tensor"],
  io: ["util", "tensor"],
  vision: ["util", "tensor", "nn", "data", "io"],
  train: ["util", "tensor", "nn", "optim", "data", "io", "vision"],
  node: [...ENGINE, ...LIBRARY],
  page: [...ENGINE, ...LIBRARY],
  index: [...ENGINE, ...LIBRARY, "node", "page"],
  server: [...ENGINE, ...LIBRARY, "index"],
  cli: [...ENGINE, ...LIBRARY, "index", "server"],
};

/** The layers that name concrete devices, by dynamic import only: the entries for Node and for pages. */
export const NAME_DEVICES: readonly string[] = ["node", "page"];

/** Packages that only the named layers may import; any layer may import a package that is not listed. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  koffi: ["device/native"],
  commander: ["cli"],
  "cli-progress": ["cli"],
  sharp: ["data"],
  "@napi-rs/image": ["data"],
};
