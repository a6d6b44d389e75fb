/** Peers that answer nonsense are failures that a report can note; none of them ends a benchmark. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readAnswer } from "../../bench/answers.js";
import { Peer } from "../../bench/peers.js";
import type { Work } from "../../bench/work.js";

const checks = z.object({ checks: z.array(z.number()) });
const notFinite = { error: "it computes numbers that are not finite" };

describe("an answer", () => {
  it.each([
    ['{"checks": [1, 2.5]}', { checks: [1, 2.5] }],
    ['{"error": "no such mode"}', { error: "no such mode" }],
    ['{"checks": [NaN, 1]}', notFinite],
    ['{"checks": [1, -Infinity]}', notFinite],
    ['{"checks":[null]}', notFinite],
    ["Segmentation fault: NaN", { error: 'its answer is no JSON: "Segmentation fault: NaN"' }],
    ["", { error: 'its answer is no JSON: ""' }],
    ['{"checks": "none"}', { error: `its answer is not what was asked for: ${JSON.stringify('{"checks": "none"}')}` }],
    ["17", { error: 'its answer is not what was asked for: "17"' }],
  ])("%s", (line, wanted) => {
    expect(readAnswer(line, checks)).toEqual(wanted);
  });
});

/** A peer whose process answers what is asked by given lines. */
const answering = (lines: Readonly<Record<string, string>>) =>
  Peer.start({
    label: "Peer",
    file: process.execPath,
    args: [
      "-e",
      `const lines = ${JSON.stringify(lines)};
      require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
        const question = JSON.parse(line);
        console.log(lines[question.mode ?? question.do]);
      });`,
    ],
    env: { NODE_OPTIONS: "" },
    absent: "",
  });

const work: Work = { kind: "step", model: "mlp", batch: 1 };
const fine = '{"id": 1, "checks": [2], "firstMs": 1, "sinceStartMs": 2}';

describe("a peer", () => {
  it("that says nonsense at once is left out with a note", async () => {
    expect(await answering({ hello: "Welcome!" })).toBe('Peer is left out: its answer is no JSON: "Welcome!"');
  });

  it("whose mode computes NaN has an error for that mode, and goes on with the next", async () => {
    const peer = await answering({
      hello: '{"version": "1"}',
      broken: '{"id": 0, "checks": [NaN], "firstMs": 1, "sinceStartMs": 2}',
      fine,
      run: '{"ms": [Infinity]}',
    });
    if (typeof peer === "string") throw new Error(peer);
    try {
      const checked: number[] = [];
      const { ready, failed } = await peer.setupAll(work, ["broken", "fine"], (values) => checked.push(...values));
      expect(failed).toEqual({ broken: notFinite });
      expect([...ready.keys()]).toEqual(["fine"]);
      expect(checked).toEqual([2]);
      const setup = ready.get("fine");
      if (!setup) throw new Error("the mode is missing");
      await expect(peer.contestant("fine", setup).run(1)).rejects.toThrow(
        "the process of Peer failed: it computes numbers that are not finite",
      );
    } finally {
      peer.close();
    }
  });
});
