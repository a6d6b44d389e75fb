/** The fingerprint of a data set: a hash by which a resumed run recognises its data. It must not know runs. */
import { createHash } from "node:crypto";
import { ArrayDataset } from "../data/index.js";
import type { OpenedData } from "./open-data.js";

/** Hashes all pixels and labels in order; undefined for images of a folder, whose list of files has its own fingerprint. */
export function fingerprintOf({ train, validation, test }: OpenedData): string | undefined {
  const hash = createHash("sha256");
  for (const set of [train, validation, test]) {
    if (!set) continue;
    if (!(set instanceof ArrayDataset)) return undefined;
    const { images, labels, sampleShape, classes } = set;
    hash.update(JSON.stringify([sampleShape, classes]));
    for (const { buffer, byteOffset, byteLength } of [images, labels]) {
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest("hex").slice(0, 32);
}
