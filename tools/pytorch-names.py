"""Writes pytorch-names.json next to this file: the public names of PyTorch that docs/pytorch.md compares with Fovea's.

    python3 tools/pytorch-names.py      (PyTorch 2.13.0)

Functions with a docstring and public classes; names that end in an underscore change a tensor in place and are those of
torch.nn.init alone.
"""
import inspect
import json
import re
from pathlib import Path

import torch

FUNCTIONAL = torch.nn.functional
SCHEDULES = torch.optim.lr_scheduler
#: Names that belong to PyTorch's implementation: of dispatch, tracing, other back ends and their copies of functions.
INNER = re.compile(
    r"^_|_copy$|^sym_|^has_torch|^handle_torch|^boolean_dispatch|^import_ir|^parse_|^unify_|^merge_type|^init_num"
    r"|^native_|^hash_tensor|^thread_safe|^compiled_with|^is_storage|^get_device_module|_with_indices$|^typename$"
    r"|^fork$|^wait$|^while_loop$|^cond$|^sym|^conv_tbc$|^Optional$|^scaled_|^grouped_mm$"
)


def functions(module):
    for name in dir(module):
        value = getattr(module, name)
        documented = callable(value) and not inspect.isclass(value) and (value.__doc__ or "").strip()
        kept = name == "scaled_dot_product_attention" or not INNER.search(name)
        if documented and kept and not name.endswith("_"):
            yield name


def classes(module, base=object, without=()):
    for name in dir(module):
        value = getattr(module, name)
        if inspect.isclass(value) and issubclass(value, base) and name not in without and not INNER.search(name):
            yield name


NAMES = {
    "torch": list(functions(torch)),
    "torch.nn": list(classes(torch.nn, without=("Container", "NLLLoss2d", "LinearCrossEntropyOptions"))),
    "torch.nn.functional": list(functions(FUNCTIONAL)),
    "torch.nn.init": [name for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")],
    "torch.linalg": [name for name in dir(torch.linalg) if callable(getattr(torch.linalg, name)) and name[0] not in "_L"],
    "torch.optim": list(classes(torch.optim, torch.optim.Optimizer, without=("Optimizer",))),
    "torch.optim.lr_scheduler": list(classes(SCHEDULES, SCHEDULES.LRScheduler, without=("LRScheduler",))),
}

if __name__ == "__main__":
    path = Path(__file__).with_name("pytorch-names.json")
    path.write_text(json.dumps(NAMES, indent=1) + "\n")
