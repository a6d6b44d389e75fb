/** Sizes and numbers of bytes as people write them. */
import { describe, expect, it } from "vitest";
import { parseBytes, parseSize } from "../../src/train/units.js";

describe("parseSize", () => {
  it.each([
    [224, [224, 224]],
    ["224", [224, 224]],
    ["160x224", [160, 224]],
    [" 160 X 224 ", [160, 224]],
    ["0", undefined],
    ["12x0", undefined],
    ["-3", undefined],
    ["1.5", undefined],
    ["1x2x3", undefined],
    ["", undefined],
    ["100000", undefined],
  ])("%j", (text, size) => expect(parseSize(text)).toEqual(size));
});

describe("parseBytes", () => {
  it.each([
    [1000, 1000],
    ["0", 0],
    ["1k", 1024],
    ["1KB", 1000],
    ["1.5 MiB", 1572864],
    ["2GiB", 2 ** 31],
    ["500MB", 500e6],
    ["1t", 2 ** 40],
    ["10b", 10],
    ["", undefined],
    ["lots", undefined],
    ["1PB", undefined],
    ["-1", undefined],
  ])("%j", (text, bytes) => expect(parseBytes(text)).toBe(bytes));
});
