/**
 * Folder locks: one lock file per process, valid only while that process lives. A process writes its own file before it
 * looks for others, so two can never both succeed; the lock file of a killed process is deleted by the next one. It must
 * not know what the folder holds.
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { writeFileAtomic } from "../io/index.js";
import { ConfigError } from "../util/errors.js";

const nameOf = /^\.lock-(\d+)$/;
const tries = 4;
const pauseMs = 40;

/** Folders that this process holds. */
const held = new Set<string>();

/**
 * Claims a folder for this process until the returned function is called or the process ends.
 *
 * @throws ConfigError naming the process that holds it.
 */
export async function lockFolder(path: string): Promise<() => Promise<void>> {
  if (held.has(path)) throw inUse(path, process.pid);
  held.add(path);
  const own = join(path, `.lock-${process.pid}`);
  const release = async () => {
    held.delete(path);
    await rm(own, { force: true });
  };
  try {
    for (let attempt = 1; ; attempt++) {
      await writeFileAtomic(own, await birthOf(process.pid));
      const other = await livingOther(path);
      if (other === undefined) return release;
      await rm(own, { force: true });
      if (attempt === tries) throw inUse(path, other);
      await pause(pauseMs * (1 + Math.random())); // random, so that two processes that collided do not collide again
    }
  } catch (error) {
    await release();
    throw error;
  }
}

function inUse(path: string, pid: number): ConfigError {
  return new ConfigError(`[run] process ${pid} is working in ${path}`, { hint: "Wait until it ends, or stop it" });
}

async function livingOther(path: string): Promise<number | undefined> {
  for (const name of await readdir(path)) {
    const pid = Number(nameOf.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || pid === process.pid) continue;
    const file = join(path, name);
    const born = await readFile(file, "utf8").catch(() => undefined);
    if (born === undefined) continue; // the other process has just released it
    if (isAlive(pid) && (await birthOf(pid)) === born) return pid;
    await rm(file, { force: true });
  }
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, but owned by another user
  }
}

/** Start time of a process from /proc, empty elsewhere: process ids are reused, so the id alone does not identify one. */
async function birthOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
