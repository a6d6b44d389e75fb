/**
 * What `npm start`, `npm test` and `npm run build` share: bring node_modules and dist up to date, doing nothing when
 * they are. Plain Node on purpose, because it runs before anything is installed; it must not import a package.
 * Progress goes to standard error, so that `--json` output stays clean.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const modulesDir = join(root, "node_modules");
const sourceDir = join(root, "src");
const outDir = join(root, "dist");
const stampFile = join(outDir, ".built");

/** As much of a failing program's output as is shown. */
const MAX_LINES = 30;

/**
 * Runs a program to its end. Ctrl-C reaches a visible child through the terminal and this process waits for it to
 * finish; a quiet one is ended at once, since installing and building begin anew next time.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean, env?: NodeJS.ProcessEnv }} [options] quiet: collect the output instead of showing it
 * @returns {Promise<{ code: number, output: string }>} the exit code (128 + signal number when a signal ended it)
 */
export function run(program, args, { quiet = false, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit" });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
        output += text;
      });
    }
    let interrupted = false;
    const interrupt = () => {
      interrupted = true;
      if (quiet) child.kill("SIGKILL");
    };
    const forward = () => child.kill("SIGTERM");
    process.on("SIGINT", interrupt).on("SIGTERM", forward);
    const finish = () => process.off("SIGINT", interrupt).off("SIGTERM", forward);
    child.on("error", (error) => {
      finish();
      reject(error);
    });
    child.on("close", (code, signal) => {
      finish();
      const ownCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
      resolve({ code: quiet && interrupted ? 130 : ownCode, output });
    });
  });
}

/** Installs from the lock file and builds, each only if needed; ends the process with a clear message on failure. */
export async function setUp() {
  checkNode();
  if (!installed()) {
    await step("Installing", () => {
      const args = ["ci", "--include=dev", "--include=optional", "--ignore-scripts", "--prefer-offline"];
      args.push("--no-audit", "--no-fund");
      const npmScript = process.env.npm_execpath;
      if (npmScript && /npm-cli\.c?js$/.test(npmScript)) {
        return run(process.execPath, [npmScript, ...args], { quiet: true });
      }
      return run(process.platform === "win32" ? "npm.cmd" : "npm", args, { quiet: true });
    });
  }
  const fingerprint = sourceFingerprint();
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== fingerprint) {
    await step("Building", async () => {
      rmSync(stampFile, { force: true });
      removeOrphans();
      const compiler = join(modulesDir, "typescript", "bin", "tsc");
      const result = await run(process.execPath, [compiler, "-p", "tsconfig.build.json"], { quiet: true });
      if (result.code === 0) {
        mkdirSync(outDir, { recursive: true });
        writeFileSync(stampFile, fingerprint);
      }
      return result;
    });
  }
}

function checkNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 20) {
    process.stderr.write(`Fovea needs Node 20 or newer; this is Node ${process.versions.node}.\n`);
    process.exit(1);
  }
}

/** Whether node_modules holds what the lock file requests, by npm's own record of what it installed. */
function installed() {
  const recordFile = join(modulesDir, ".package-lock.json");
  if (!existsSync(recordFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const present = JSON.parse(readFileSync(recordFile, "utf8")).packages;
  return Object.entries(wanted).every(([path, { version, optional, devOptional, link }]) => {
    if (!path.includes("node_modules/") || link) return true;
    if (!(path in present)) return Boolean(optional || devOptional);
    return present[path].version === version && existsSync(join(root, path));
  });
}

/** One line per input of the build, with size and time of change: any edit, addition or removal changes it. */
function sourceFingerprint() {
  const files = [...listFiles(sourceDir), ...["tsconfig.json", "tsconfig.build.json", "package-lock.json"]];
  return files
    .map((file) => {
      const { size, mtimeMs } = statSync(join(root, file));
      return `${file} ${size} ${mtimeMs}\n`;
    })
    .join("");
}

/** Deletes outputs whose source is gone, so that they can neither be imported nor published. */
function removeOrphans() {
  if (!existsSync(outDir)) return;
  for (const file of listFiles(outDir)) {
    const stem = /^dist\/(.*)(\.js|\.d\.ts)$/.exec(file.replaceAll("\\", "/"))?.[1];
    if (stem && !existsSync(join(sourceDir, `${stem}.ts`))) rmSync(join(root, file));
  }
  // The compiler's incremental record says nothing about outputs that somebody deleted by hand.
  if (!existsSync(join(outDir, "index.js"))) rmSync(join(outDir, ".tsbuildinfo"), { force: true });
}

/**
 * @param {string} folder absolute path
 * @returns {string[]} files below it, relative to the root, sorted
 */
function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/**
 * @param {string} title
 * @param {() => Promise<{ code: number, output: string }>} work
 */
async function step(title, work) {
  process.stderr.write(`${title}… `);
  const startMs = performance.now();
  const { code, output } = await work();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  if (code === 0) {
    process.stderr.write(`done in ${seconds} s\n`);
    return;
  }
  process.stderr.write(code === 130 ? "interrupted\n" : `failed after ${seconds} s\n\n${excerpt(output)}\n`);
  process.exit(code);
}

/**
 * The beginning of a program's complaint, without npm's notices and its page of options.
 * @param {string} output
 */
function excerpt(output) {
  const lines = output.split("\n").filter((line) => !/^npm (warn|notice)|^(npm error)?\s*$/.test(line));
  const usage = lines.indexOf("npm error Usage:");
  const shown = lines.slice(0, usage < 0 ? MAX_LINES : Math.min(usage, MAX_LINES));
  return shown.length < lines.length ? [...shown, "…"].join("\n") : shown.join("\n");
}
