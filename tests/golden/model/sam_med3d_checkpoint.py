"""Writes a checkpoint with the names and shapes of SAM-Med3D's, random values, and what its encoder gives.

/usr/bin/python3 tests/golden/model/sam_med3d_checkpoint.py FOLDER

FOLDER/made.pth is as the authors' training script saves: weights under model_state_dict, with prompt encoder and mask
decoder, beside an optimiser, losses and arguments. FOLDER/image.bin and FOLDER/features.bin are f32 numbers: an image
[1,1,128,128,128] and the features [1,384,8,8,8], computed in float64 in the form "sam-med3d" of the positions. The file
has 372 MB; nothing here is kept in the repository.
"""

import argparse
import collections
import pathlib
import sys

import numpy
import torch
import torch.nn.functional as F

folder = pathlib.Path(sys.argv[1])
generator = torch.Generator().manual_seed(7)
state = collections.OrderedDict()


def add(name, *shape, deviation=0.03, mean=0.0):
    state["image_encoder." + name] = mean + deviation * torch.randn(*shape, generator=generator)


add("patch_embed.proj.weight", 768, 1, 16, 16, 16)
add("patch_embed.proj.bias", 768)
add("pos_embed", 1, 8, 8, 8, 768, deviation=0.5)
for i in range(12):
    rows = 15 if i in (2, 5, 8, 11) else 27
    for norm in ("norm1", "norm2"):
        add(f"blocks.{i}.{norm}.weight", 768, mean=1.0)
        add(f"blocks.{i}.{norm}.bias", 768)
    add(f"blocks.{i}.attn.qkv.weight", 2304, 768)
    add(f"blocks.{i}.attn.qkv.bias", 2304, deviation=0.3)
    add(f"blocks.{i}.attn.proj.weight", 768, 768)
    add(f"blocks.{i}.attn.proj.bias", 768)
    for axis in "dhw":
        add(f"blocks.{i}.attn.rel_pos_{axis}", rows, 64, deviation=0.3)
    add(f"blocks.{i}.mlp.lin1.weight", 3072, 768)
    add(f"blocks.{i}.mlp.lin1.bias", 3072)
    add(f"blocks.{i}.mlp.lin2.weight", 768, 3072)
    add(f"blocks.{i}.mlp.lin2.bias", 768)
add("neck.0.weight", 384, 768, 1, 1, 1)
add("neck.2.weight", 384, 384, 3, 3, 3)
for norm in (1, 3):
    add(f"neck.{norm}.weight", 384, mean=1.0)
    add(f"neck.{norm}.bias", 384)
assert len(state) == 189 and sum(t.numel() for t in state.values()) == 92924928
weights = dict(state)
state["prompt_encoder.no_mask_embed.weight"] = torch.randn(1, 384)
state["mask_decoder.iou_token.weight"] = torch.randn(1, 384)
torch.save(
    {
        "epoch": 3,
        "model_state_dict": state,
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 8e-4, "params": [0]}]},
        "losses": [numpy.float64(0.5)],
        "args": argparse.Namespace(task_name="made", lr=8e-4),
    },
    folder / "made.pth",
)

p = {n.removeprefix("image_encoder."): t.double() for n, t in weights.items()}


def attention(x, name):
    """x: (n, n, n, 768); positions in the form of the released SAM-Med3D code."""
    n = x.shape[0]
    qkv = x.reshape(-1, 768) @ p[name + ".qkv.weight"].T + p[name + ".qkv.bias"]
    q, k, v = qkv.reshape(n**3, 3, 12, 64).permute(1, 2, 0, 3)
    grid = q.reshape(12, n, n, n, 64)
    row = torch.arange(n)[:, None] - torch.arange(n)[None] + n - 1
    rd, rh, rw = (p[f"{name}.rel_pos_{a}"][row] for a in "dhw")  # (query index, key index, 64)
    out = []
    for head in range(12):
        g = grid[head]
        td = torch.einsum("dhwc,dzc->dhwz", g, rd)
        th = torch.einsum("dhxc,hzc->dhxz", g, rh)
        tw = torch.einsum("dhyc,yzc->dhyz", g, rw)
        scores = (q[head] / 8 @ k[head].T).reshape(n, n, n, n, n, n)
        scores = scores + td[:, :, :, None, None, :] + th[:, :, None, :, None, :] + tw[:, :, None, None, :, :]
        out.append(torch.softmax(scores.reshape(n**3, n**3), -1) @ v[head])
    joined = torch.stack(out, 1).reshape(n**3, 768)
    return (joined @ p[name + ".proj.weight"].T + p[name + ".proj.bias"]).reshape(n, n, n, 768)


def norm(x, name):
    return F.layer_norm(x, (x.shape[-1],), p[name + ".weight"], p[name + ".bias"], 1e-6)


image = torch.randn(1, 1, 128, 128, 128, generator=generator)
with torch.no_grad():
    x = F.conv3d(image.double(), p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], stride=16)
    x = (x.movedim(1, -1) + p["pos_embed"])[0]
    for i in range(12):
        block = f"blocks.{i}"
        y = norm(x, block + ".norm1")
        if i in (2, 5, 8, 11):
            x = x + attention(y, block + ".attn")
        else:
            x = x + attention(F.pad(y, (0, 0, 0, 6, 0, 6, 0, 6)), block + ".attn")[:8, :8, :8]
        y = F.gelu(norm(x, block + ".norm2") @ p[block + ".mlp.lin1.weight"].T + p[block + ".mlp.lin1.bias"])
        x = x + y @ p[block + ".mlp.lin2.weight"].T + p[block + ".mlp.lin2.bias"]
    x = F.conv3d(x.movedim(-1, 0)[None], p["neck.0.weight"])
    x = norm(x.movedim(1, -1), "neck.1").movedim(-1, 1)
    x = F.conv3d(x, p["neck.2.weight"], padding=1)
    x = norm(x.movedim(1, -1), "neck.3").movedim(-1, 1)
(folder / "image.bin").write_bytes(image.float().numpy().tobytes())
(folder / "features.bin").write_bytes(x.float().contiguous().numpy().tobytes())
