/**
 * Writes the images of a folder that comes in parts as one file of bytes, so that another framework trains on the very
 * pixels that Fovea trains on: `npx tsx bench/accuracy/pixels.ts <folder> <file>`. It must not know models.
 */
import { type ImageFolderDataset, loadImageFolder, type SplitRole } from "../../src/data/index.js";
import { type HostTensor, writeSafetensors } from "../../src/io/index.js";

/** Images [N, C, H, W] and labels [N]. */
async function tensorsOf(
  set: ImageFolderDataset<SplitRole>,
): Promise<readonly [images: HostTensor, labels: HostTensor]> {
  const { x, y } = await set.bytes(Int32Array.from({ length: set.length }, (_, i) => i));
  return [
    { dtype: "u8", shape: [set.length, ...set.sampleShape], data: x },
    { dtype: "i32", shape: [set.length], data: y },
  ];
}

const [folder, file] = process.argv.slice(2);
if (!folder || !file) throw new Error("usage: npx tsx bench/accuracy/pixels.ts <folder> <file>");
const { train, test } = await loadImageFolder(folder);
if (!train || !test) throw new Error(`${folder} has no parts train and test`);
const [images, labels] = await tensorsOf(train);
const [testImages, testLabels] = await tensorsOf(test);
await writeSafetensors(file, { images, labels, testImages, testLabels });
console.log(`${file}: ${train.length} images for training, ${test.length} for the test`);
