/**
 * The folder of the user's caches: the one that FOVEA_CACHE names, else the system's usual one, else, if that cannot be
 * used, a private folder in the system's temporary folder. It must not know what is stored there.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

/** Number of bytes written to test whether a folder is writable and the disk has room. */
const PROBE_BYTES = 4096;

interface Choice {
  readonly folder: string;
  /** Whether no other folder may replace it, because the user named it. */
  readonly last: boolean;
}

let chosen: { readonly asked: string; readonly choice: Choice } | null = null;

/**
 * The folder of all caches. One that the user named is returned without a check: writing to it then fails. If another
 * folder replaces an unusable one, a warning says so once.
 */
export function cacheFolder(): string {
  const { FOVEA_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  const asked = [FOVEA_CACHE, XDG_CACHE_HOME, HOME].join("\0");
  if (chosen?.asked !== asked) chosen = { asked, choice: choose() };
  return chosen.choice.folder;
}

/**
 * The replacement of {@link cacheFolder} after writing to it failed; null if there is none, or if the user named the
 * folder.
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

/** The usual folder; null for a user without a home, as in a container that runs under an arbitrary user id. */
function usualFolder(): string | null {
  const { XDG_CACHE_HOME } = process.env;
  // The XDG Base Directory Specification ignores relative and empty paths.
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

/** The same folder for every process of the user, if no other user can have made it; else one for this process. */
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
    // The folder belongs to another user, or cannot be written.
  }
  try {
    return mkdtempSync(`${folder}-`);
  } catch {
    // The first write to it throws the error.
    return folder;
  }
}

/** Makes a folder and its parents, readable by this user only. */
export function makePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    // Node reports ENOENT for every failure of a recursive mkdir, such as a read-only file system.
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

/** The reason why a folder cannot be written, in a few words. */
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
