/** The files that Node has: state dicts are written as safetensors. Loaded when a model is first saved or loaded. */
import { registerStateFiles } from "../tensor/state-files.js";

registerStateFiles(async () => {
  const { readSafetensors, writeSafetensors } = await import("../io/index.js");
  return { write: writeSafetensors, read: async (path) => (await readSafetensors(path)).tensors };
});
