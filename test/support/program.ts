/**
 * Fovea in processes of its own, as it is built: `npm test` builds before it starts, and {@link setUp} does where a test
 * runs alone. Programs that another process has compiled are recalled, and one thread computes, so that processes which
 * run side by side do not wait for each other's cores.
 */
import { join } from "node:path";
import { root } from "../../tools/setup.mjs";

/** The program behind `fovea`. */
export const cli = join(root, "dist", "cli", "main.js");

/** The environment of a child process. */
export const childEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  FOVEA_DEBUG: "",
  FOVEA_VERIFY: undefined,
  FOVEA_THREADS: "1",
};
