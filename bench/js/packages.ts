/** The peers' packages, loaded from bench/node_modules: a user's install of Fovea does not bring them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Loads a package of `bench`; the caller says what it uses of it. */
export function load<T>(bench: string, name: string): T {
  return createRequire(join(bench, "package.json"))(name);
}

/** The installed version. */
export function versionOf(bench: string, name: string): string {
  const file = join(bench, "node_modules", name, "package.json");
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string };
  return version;
}
