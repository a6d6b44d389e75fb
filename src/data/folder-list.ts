/**
 * Lists a folder of class folders: `root/<class>/…` or `root/{train,val,test}/<class>/…`, in an order that is the same
 * on every system. It reads directories only, not files; it must not know what the files contain.
 */
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { checked, takes } from "../util/arguments.js";
import { DataError } from "../util/errors.js";
import { text } from "../util/kinds.js";

/** The parts that a folder may have; `all` stands for a folder without parts. */
export type FolderPart = "all" | "train" | "val" | "test";

/** The images of one part. */
interface ListedPart {
  readonly part: FolderPart;
  /** Paths relative to the root, with `/`, class by class in natural order. */
  readonly paths: readonly string[];
  /** The class index of each path. */
  readonly labels: Int32Array;
}

/** The result of {@link listFolder}. */
export interface FolderList {
  readonly root: string;
  /** Names of the class folders, in natural order. */
  readonly classes: readonly string[];
  readonly parts: readonly ListedPart[];
  /** Number of files by ending that are no JPEG, PNG or WebP by their ending, such as `.txt` or `.DS_Store`. */
  readonly ignored: ReadonlyMap<string, number>;
}

const endings = new Set([".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"]);
const partNames: Readonly<Record<string, FolderPart>> = {
  train: "train",
  val: "val",
  valid: "val",
  validation: "val",
  test: "test",
};
const layout = "Images lie in <folder>/<class>/ or in <folder>/train/<class>/ and <folder>/test/<class>/";

/**
 * Lists a folder of class folders; class folders may have subfolders.
 *
 * @throws DataError if there are no classes, a class has no images, or a part has a class that `train` lacks.
 */
export async function listFolder(root: string): Promise<FolderList> {
  const ignored = new Map<string, number>();
  const folders = await foldersIn(root, ignored);
  const isDivided = folders.includes("train") && folders.every((name) => Object.hasOwn(partNames, name));
  const divided = isDivided ? await subfolders(root, folders, ignored) : undefined;
  const sources = divided ?? [{ part: "all" as const, folder: "", classes: folders }];
  const classes = sources[0].classes;
  if (classes.length === 0) {
    throw new DataError(`[data] ${root} has no folders of classes`, { hint: layout });
  }
  const parts: ListedPart[] = [];
  for (const source of sources) parts.push(await listPart(root, source, classes, ignored));
  return { root, classes, parts, ignored };
}

/** Whether a folder has subfolders that may be classes. */
export const hasClassFolders = checked(
  "hasClassFolders",
  takes({ root: text }),
  async (root: string): Promise<boolean> => {
    return (await foldersIn(root, new Map())).length > 0;
  },
);

interface Source {
  readonly part: FolderPart;
  /** Path of the part relative to the root. */
  readonly folder: string;
  readonly classes: readonly string[];
}

/**
 * The parts and their classes, `train` first; undefined if `train` has no subfolders, so that it must be a class
 * itself.
 */
async function subfolders(
  root: string,
  folders: readonly string[],
  ignored: Map<string, number>,
): Promise<Source[] | undefined> {
  const sources: Source[] = [];
  for (const folder of ["train", ...folders.filter((name) => name !== "train")]) {
    const part = partNames[folder];
    if (sources.some((source) => source.part === part)) {
      throw new DataError(`[data] ${root} has two folders for validation`, { hint: "Keep one of them, as val" });
    }
    const counted = new Map<string, number>();
    const classes = await foldersIn(join(root, folder), counted);
    if (part === "train" && classes.length === 0) return undefined;
    for (const [ending, count] of counted) ignored.set(ending, (ignored.get(ending) ?? 0) + count);
    sources.push({ part, folder, classes });
  }
  return sources;
}

async function listPart(
  root: string,
  { part, folder, classes }: Source,
  known: readonly string[],
  ignored: Map<string, number>,
): Promise<ListedPart> {
  const unknown = classes.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new DataError(`[data] ${join(root, folder)} has the class ${unknown}, which the training folder has not`, {
      hint: "The class folders must have the same names in all parts",
    });
  }
  if (classes.length === 0)
    throw new DataError(`[data] ${join(root, folder)} has no folders of classes`, { hint: layout });
  const lists = await Promise.all(
    classes.map((name) => imagesBelow(root, folder ? `${folder}/${name}` : name, ignored)),
  );
  const labels = new Int32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const [i, list] of lists.entries()) {
    if (list.length === 0) {
      throw new DataError(`[data] the class ${classes[i]} has no images: ${join(root, folder, classes[i])}`, {
        hint: "Put JPEG, PNG or WebP files there, or remove the folder",
      });
    }
    labels.fill(known.indexOf(classes[i]), at, at + list.length);
    at += list.length;
  }
  return { part, paths: lists.flat(), labels };
}

async function foldersIn(root: string, ignored: Map<string, number>): Promise<string[]> {
  const folders: string[] = [];
  for (const entry of await entriesOf(root)) {
    if (isHidden(entry.name)) count(ignored, entry.name);
    else if (await isFolder(root, entry)) folders.push(entry.name);
    else count(ignored, entry.name);
  }
  return inNaturalOrder(folders);
}

/** The images in a folder and its subfolders; a folder reached twice through links is read once. */
async function imagesBelow(root: string, top: string, ignored: Map<string, number>): Promise<string[]> {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    const entries = await entriesOf(join(root, folder));
    const below: string[] = [];
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      const isImage = endings.has(extname(entry.name).toLowerCase());
      if (isHidden(entry.name)) count(ignored, entry.name);
      else if (entry.isFile()) isImage ? found.push(path) : count(ignored, entry.name);
      else if (await isFolder(join(root, folder), entry)) below.push(path);
      else if (entry.isSymbolicLink() && isImage) found.push(path);
      else count(ignored, entry.name);
    }
    for (const path of below) {
      const real = await realpath(join(root, path));
      if (!seen.has(real)) {
        seen.add(real);
        await visit(path);
      }
    }
  };
  await visit(top);
  return inNaturalOrder(found);
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const problem = code === "ENOTDIR" ? `${folder} is no folder` : `${folder} cannot be read: ${code}`;
    throw new DataError(`[data] ${problem}`, { hint: layout, cause });
  }
}

/**
 * Whether an entry is a folder. Only links are looked up on disk: one lookup costs as much as listing a whole folder.
 */
async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await stat(join(parent, entry.name)).catch(() => undefined);
  return target?.isDirectory() ?? false;
}

/** Whether a name is that of a file that operating systems and tools leave behind. */
function isHidden(name: string): boolean {
  return name.startsWith(".") || name === "__MACOSX" || name === "@eaDir";
}

function count(ignored: Map<string, number>, name: string): void {
  const kind = (isHidden(name) ? "" : extname(name).toLowerCase()) || name;
  ignored.set(kind, (ignored.get(kind) ?? 0) + 1);
}

/**
 * Sorts `img2` before `img10`: digits compare as numbers, other characters by code unit, identically on every system.
 */
export function inNaturalOrder(names: readonly string[]): string[] {
  const keyed = names.map((name) => ({ name, key: name.replaceAll(/\d+/g, numberKey) }));
  keyed.sort((a, b) => (a.key === b.key ? compare(a.name, b.name) : compare(a.key, b.key)));
  return keyed.map(({ name }) => name);
}

/** Spells a number so that comparing spellings as text compares the numbers: its length comes first. */
function numberKey(digits: string): string {
  const significant = digits.replace(/^0+(?=\d)/, "");
  return `0${String.fromCharCode(significant.length)}${significant}`;
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
