/**
 * Where this user's caches lie: in the folder that FOVEA_CACHE names, else in the system's place for such things, else,
 * where that cannot be used, in a private folder of the system's temporary one. It must not know what is kept there.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

/** Written to find out whether a folder takes files and the disk has room. */
const PROBE_BYTES = 4096;

interface Choice {
  readonly folder: string;
  /** Whether there may be another choice: not after the user named the folder. */
  readonly last: boolean;
}

let chosen: { readonly asked: string; readonly choice: Choice } | null = null;

/**
 * The folder of everything that can be made again. One that the user named is taken as it is: whoever cannot write there
 * says so. What stands in for an unusable one is said once.
 */
export function cacheFolder(): string {
  const { FOVEA_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  const asked = [FOVEA_CACHE, XDG_CACHE_HOME, HOME].join("\0");
  if (chosen?.asked !== asked) chosen = { asked, choice: choose() };
  return chosen.choice.folder;
}

/**
 * Another folder, for who found out that {@link cacheFolder} cannot be used; null where there is none, or where the user
 * named the one that fails.
 */
export function otherCacheFolder(reason: string): string | null {
  const folder = cacheFolder();
  if (!chosen || chosen.choice.last) return null;
  chosen = { ...chosen, choice: standIn(`the cache folder ${folder} cannot be used (${reason})`) };
  return chosen.choice.folder;
}

function choose(): Choice {
  if (process.env.FOVEA_CACHE) return { folder: process.env.FOVEA_CACHE, last: true };
  const folder = usualFolder();
  if (folder === null) return standIn("this user has no home folder for a cache");
  try {
    probe(folder);
    return { folder, last: false };
  } catch (error) {
    return standIn(`the cache folder ${folder} cannot be used (${reasonOf(error)})`);
  }
}

/** Null for a user without a home, as in a container that runs under a number of its own. */
function usualFolder(): string | null {
  const { XDG_CACHE_HOME } = process.env;
  // Relative paths and empty ones do not count, says the XDG Base Directory Specification.
  if (process.platform !== "darwin" && XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME))
    return join(XDG_CACHE_HOME, "fovea");
  let home: string;
  try {
    home = homedir();
  } catch {
    return null;
  }
  if (!isAbsolute(home)) return null;
  return process.platform === "darwin" ? join(home, "Library", "Caches", "fovea") : join(home, ".cache", "fovea");
}

function standIn(reason: string): Choice {
  const folder = temporaryFolder();
  console.warn(`[fovea] ${reason}: using ${folder} instead. Set FOVEA_CACHE to choose another`);
  return { folder, last: true };
}

/** The same folder for every process of the user, if nobody else could have made it; else one for this process. */
function temporaryFolder(): string {
  const user = process.getuid?.() ?? "user";
  const folder = join(tmpdir(), `fovea-${user}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const state = lstatSync(folder);
    const isPrivate = state.isDirectory() && (user === "user" || (state.uid === user && (state.mode & 0o022) === 0));
    if (isPrivate) {
      probe(folder);
      return folder;
    }
  } catch {
    // Made by another user, or not to be written.
  }
  try {
    return mkdtempSync(`${folder}-`);
  } catch {
    // Whoever writes there first says what is wrong with it.
    return folder;
  }
}

/** Makes a folder that only this user may read, with those above it. */
export function makePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    // Node says ENOENT for whatever a recursive mkdir meets, read-only file systems above all.
    if (codeOf(error) !== "ENOENT" || !existsSync(dirname(folder))) throw error;
    mkdirSync(folder, { mode: 0o700 });
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "quota exceeded",
  ENOSPC: "no space left",
  EROFS: "read-only file system",
};

/** Why a folder cannot be written, in a few words. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return WORDS[code] ? `${WORDS[code]}, ${code}` : code;
}

function probe(folder: string): void {
  makePrivateFolder(folder);
  const file = join(folder, `.probe.${process.pid}.${performance.now()}`);
  try {
    writeFileSync(file, Buffer.alloc(PROBE_BYTES), { mode: 0o600 });
  } finally {
    rmSync(file, { force: true });
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
