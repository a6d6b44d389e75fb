/** A terminal for tests that keeps what is printed. */
import { Writable } from "node:stream";
import { Terminal } from "../../src/cli/terminal.js";

export function capture({
  isTTY = false,
  columns = 100,
  environment = {},
}: {
  isTTY?: boolean;
  columns?: number;
  environment?: NodeJS.ProcessEnv;
} = {}) {
  const texts = { out: "", err: "" };
  const stream = (name: "out" | "err") => {
    const writable = new Writable({
      write(chunk, _, done) {
        texts[name] += String(chunk);
        done();
      },
    });
    return Object.assign(writable, { isTTY, columns, rows: 24 });
  };
  return { texts, terminal: new Terminal(stream("out"), stream("err"), environment) };
}
