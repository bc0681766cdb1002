"""Writes pytorch.json beside this file: a small checkpoint that PyTorch saved, as base64, and what it holds.

Run with Debian's python3-torch: /usr/bin/python3 tests/golden/model/pytorch.py
"""

import argparse
import base64
import collections
import io
import json
import pathlib

import numpy
import torch

base = torch.arange(24, dtype=torch.float32) / 8 - 1
state = collections.OrderedDict(
    [
        ("plain", base.reshape(2, 3, 4)),
        ("transposed", base.reshape(4, 6).t()),  # shares memory, strides the other way round
        ("tail", base[20:]),  # begins in the middle of it
        ("half", base[:5].half()),
        ("brain", base[:5].bfloat16()),
        ("double", base[:5].double()),
        ("count", torch.tensor([3, -4, 5])),
        ("parameter", torch.nn.Parameter(base[:3].clone())),
        ("scalar", torch.tensor(0.5)),
        ("empty", torch.zeros(0, 3)),
    ]
)
state._metadata = {"": {"version": 1}}
weight = torch.nn.Parameter(base[:4].clone().requires_grad_(True))
optimizer = torch.optim.AdamW([weight], lr=1e-3)
weight.sum().backward()
optimizer.step()
checkpoint = {
    "epoch": 7,
    "model_state_dict": state,
    "optimizer_state_dict": optimizer.state_dict(),
    "losses": [0.5, numpy.float64(0.25)],
    "args": argparse.Namespace(lr=1e-3, name="run"),
    "big": 2**70,
}
file = io.BytesIO()
torch.save(checkpoint, file)
legacy = io.BytesIO()
torch.save({"w": base}, legacy, _use_new_zipfile_serialization=False)
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({
    "torch": torch.__version__,
    "file": base64.b64encode(file.getvalue()).decode(),
    "legacy": base64.b64encode(legacy.getvalue()).decode(),
    "tensors": {n: {"shape": list(t.shape), "values": t.detach().double().reshape(-1).tolist()} for n, t in state.items()},
}, separators=(",", ":")) + "\n")
