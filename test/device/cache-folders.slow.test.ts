/** Cache folders that file systems or users do not allow: work goes on elsewhere, or one line says what and how. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function allows(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}
/** Mounting needs a privileged user and a kernel that allows it. */
const mounts = allows("unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt");
const changesUser = allows("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", process.execPath, "-v");

const ONE = `${process.execPath} --import tsx test/device/job.ts one`;
const DEVICES = `${process.execPath} --import tsx src/cli/main.ts devices`;
const OTHER = "Set FOVEA_CACHE to choose another";

/** Runs a shell script with a temporary folder of its own and no settings of a cache. */
function shell(script: string, wrapper: readonly string[]) {
  const TMPDIR = mkdtempSync(join(tmpdir(), "fovea-folders-"));
  chmodSync(TMPDIR, 0o777);
  const env = { ...process.env, FOVEA_CACHE: undefined, XDG_CACHE_HOME: undefined, TMPDIR, TSX_DISABLE_CACHE: "1" };
  const [command, ...args] = [...wrapper, "sh", "-c", script];
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, env, encoding: "utf8" });
  return { code: status, stdout: stdout.trim(), stderr: stderr.trim(), TMPDIR };
}

/** The script sees a file system at /mnt. */
const mounted = (options: string, script: string) =>
  shell(`mount -t tmpfs -o ${options} tmpfs /mnt && ${script}`, ["unshare", "-m"]);

describe.skipIf(!mounts)("a file system (skipped where mounting is not permitted)", () => {
  const noexec = "failed to map segment from shared object";

  it("without exec, named by FOVEA_CACHE: one line, and `devices` says that native is missing", () => {
    const { code, stderr, stdout } = mounted("noexec", `export FOVEA_CACHE=/mnt; ${DEVICES}; ${ONE}`);
    const line =
      `libraries in the kernel cache /mnt cannot be loaded (${noexec}). Point FOVEA_CACHE to a folder on a file ` +
      "system that may hold programs (mounted without noexec)";
    expect(stdout.split("\n")[0].replace(/\s+/g, " ")).toBe(`native missing: ${line}`);
    expect([code, stderr]).toEqual([1, line]);
  });

  it("without exec, of the user: works in a temporary folder and says so once", () => {
    const { code, stderr, stdout, TMPDIR } = mounted("noexec", `XDG_CACHE_HOME=/mnt ${ONE}`);
    expect(stderr).toBe(
      `[fovea] the cache folder /mnt/fovea cannot be used (${noexec}): using ${TMPDIR}/fovea-0 instead. ${OTHER}`,
    );
    expect([code, JSON.parse(stdout).value]).toEqual([0, 300]);
  });

  it.each([
    ["read-only", "ro", "read-only file system, EROFS", ""],
    ["full", "size=8k", "no space left, ENOSPC", "head -c 8192 /dev/zero > /mnt/all;"],
  ])("that is %s: one line where it was named, else another folder", (_, options, reason, fill) => {
    const named = mounted(options, `${fill} FOVEA_CACHE=/mnt ${ONE}`);
    const hint = "Point FOVEA_CACHE to a folder that can be written and has room";
    expect(named.stderr).toBe(`the kernel cache /mnt cannot be written (${reason}). ${hint}`);
    expect([named.code, named.stdout]).toEqual([1, ""]);
    const { code, stderr, stdout, TMPDIR } = mounted(options, `${fill} XDG_CACHE_HOME=/mnt ${ONE}`);
    expect(stderr).toBe(
      `[fovea] the cache folder /mnt/fovea cannot be used (${reason}): using ${TMPDIR}/fovea-0 instead. ${OTHER}`,
    );
    expect([code, JSON.parse(stdout).value]).toEqual([0, 300]);
  });
});

describe.skipIf(!changesUser)("a user (skipped where the user cannot be changed)", () => {
  const stranger = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"];

  it("who is not in the list of users and has no home", () => {
    const { code, stderr, stdout, TMPDIR } = shell(DEVICES, [...stranger, "env", "-u", "HOME"]);
    expect(stderr).toBe(
      `[fovea] this user has no home folder for a cache: using ${TMPDIR}/fovea-12345 instead. ${OTHER}`,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^native +available\n/);
    expect(stdout).toContain(`${TMPDIR}/fovea-12345\n`);
  });

  it("whose home is / and cannot be written", () => {
    const { code, stderr, stdout, TMPDIR } = shell(ONE, [...stranger, "env", "HOME=/"]);
    expect(stderr).toBe(
      `[fovea] the cache folder /.cache/fovea cannot be used (permission denied, EACCES): using ${TMPDIR}/fovea-12345 instead. ${OTHER}`,
    );
    expect([code, JSON.parse(stdout).value]).toEqual([0, 300]);
  });
});
