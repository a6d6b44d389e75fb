/** Where this user's caches lie. It must not know what is kept there. */
import { homedir } from "node:os";
import { join } from "node:path";

/** The folder of everything that can be made again: `FOVEA_CACHE`, else the system's place for such things. */
export function cacheFolder(): string {
  if (process.env.FOVEA_CACHE) return process.env.FOVEA_CACHE;
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "fovea");
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "fovea");
}
