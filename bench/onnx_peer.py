"""The ONNX Runtime side of the benchmarks (how it is spoken to: peer_loop.py). The model is PyTorch's, written as ONNX in
evaluation; what the runtime makes of it, batch normalisation folded and layouts changed, is its own affair. Beside
PyTorch it needs what `python3 -m pip install onnxruntime onnx` installs."""

import os
import sys
import tempfile
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peer_loop  # noqa: E402

import onnx  # noqa: E402, F401  torch.onnx needs it: missing here, it is missing before anything is measured
import onnxruntime  # noqa: E402
import networks  # noqa: E402
import numpy as np  # noqa: E402
import pattern  # noqa: E402
import torch  # noqa: E402


def exported(work, path):
    size = work["size"]
    net = networks.build(work["model"], work["classes"], size).eval()
    example = torch.zeros(work["batch"], 3, size, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is the older one
        torch.onnx.export(net, (example,), path, input_names=["x"], output_names=["y"], dynamo=False)
    return path


def prediction(work, _mode):
    if work["kind"] != "infer":
        raise ValueError(f"no {work['kind']} has been written for ONNX Runtime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["FOVEA_THREADS"])
    with tempfile.TemporaryDirectory() as folder:
        path = exported(work, os.path.join(folder, "model.onnx"))
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x = {"x": pattern.uniform((work["batch"], 3, work["size"], work["size"]), 1)}

    def checks_of(results):
        logits = results[0].astype(np.float64)
        probe = pattern.uniform(logits.shape, 3).astype(np.float64)
        return [float(np.abs(logits).mean()), float((logits * probe).sum() / probe.size)]

    return lambda: session.run(None, x), checks_of


if __name__ == "__main__":
    peer_loop.serve(onnxruntime.__version__, prediction)
