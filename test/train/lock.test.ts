/** Locks: one process at a time, and none that outlives its process. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockFolder } from "../../src/train/lock.js";
import { describeError } from "../../src/util/errors.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fovea-lock-"));
});
afterEach(() => rm(folder, { recursive: true }));

const lineOf = (work: Promise<unknown>) => work.then(() => "no error", describeError);
const line = (pid: number) => `[run] process ${pid} is working in ${folder}. Wait until it ends, or stop it`;

/** A process that does nothing until it is killed. */
async function other() {
  const child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => {}, 1e6)"]);
  await new Promise((done) => child.stdout.once("data", done));
  const ended = new Promise((done) => child.once("exit", done));
  const pid = child.pid as number;
  const end = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  return { pid, end };
}

describe("a folder", () => {
  it("is held by one, and free afterwards", async () => {
    const release = await lockFolder(folder);
    expect(await lineOf(lockFolder(folder))).toBe(line(process.pid));
    expect(await readdir(folder)).toEqual([`.lock-${process.pid}`]);
    await release();
    expect(await readdir(folder)).toEqual([]);
    await (await lockFolder(folder))();
  });

  it("is refused while another process that holds it lives, and swept when that is dead", async () => {
    const { pid, end } = await other();
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    await writeFile(join(folder, `.lock-${pid}`), stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "");
    expect(await lineOf(lockFolder(folder))).toBe(line(pid));
    expect(await readdir(folder)).toEqual([`.lock-${pid}`]);
    await end();
    const release = await lockFolder(folder);
    expect(await readdir(folder)).toEqual([`.lock-${process.pid}`]);
    await release();
  });

  it.skipIf(process.platform !== "linux")("is free when the number belongs to another process by now", async () => {
    const { pid, end } = await other();
    await writeFile(join(folder, `.lock-${pid}`), "1");
    await (await lockFolder(folder))();
    expect(await readdir(folder)).toEqual([]);
    await end();
  });
});
