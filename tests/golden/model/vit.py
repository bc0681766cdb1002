"""Writes vit.json beside this file: small Vision Transformers written from the formulas, in float64.

Run with Debian's python3-torch: /usr/bin/python3 tests/golden/model/vit.py

Attention is written token by token from the published formula of its scores, with index arrays and without any of
the shortcuts of model/vit.ts: padded windows are computed whole, then cropped. PyTorch differentiates it. Every
parameter is a stream of numbers (digest.py) seeded with its place in the list, so that no values are stored. The loss
is the sum of the output times such a stream.
"""

import itertools
import json
import math
import pathlib

import numpy
import torch
import torch.nn.functional as F

from digest import digest, stream

torch.set_default_dtype(torch.float64)


def layer_norm(x, p, name):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-6) * p[name + ".weight"] + p[name + ".bias"]


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def table_for(table, n):
    """Linear resampling, borders aligned, to 2n-1 rows."""
    rows, length = 2 * n - 1, table.shape[0]
    if rows == length:
        return table
    out = []
    for i in range(rows):
        at = max(0.0, (i + 0.5) * length / rows - 0.5)
        low = min(int(at), length - 1)
        high = min(low + 1, length - 1)
        out.append(table[low] * (1 - (at - low)) + table[high] * (at - low))
    return torch.stack(out)


def attention(x, p, name, heads, form):
    """x: (B, D, H, W, C), every token a query and a key."""
    b, d, h, w, channels = x.shape
    c = channels // heads
    weight = p[name + ".qkv.weight"]
    if name + ".lora.a" in p:
        weight = weight + p[name + ".lora.b"] @ p[name + ".lora.a"]
    qkv = x.reshape(b, -1, channels) @ weight.T + p[name + ".qkv.bias"]
    tokens = list(itertools.product(range(d), range(h), range(w)))
    at = {t: i for i, t in enumerate(tokens)}
    rd, rh, rw = (table_for(p[f"{name}.rel_pos_{a}"], n) for a, n in zip("dhw", (d, h, w)))
    pairs = list(itertools.product(tokens, tokens))
    if form == "axis":
        terms = [
            ([at[i] for i, j in pairs], rd, [i[0] - j[0] + d - 1 for i, j in pairs]),
            ([at[i] for i, j in pairs], rh, [i[1] - j[1] + h - 1 for i, j in pairs]),
            ([at[i] for i, j in pairs], rw, [i[2] - j[2] + w - 1 for i, j in pairs]),
        ]
    else:
        n = d
        terms = [
            ([at[i] for i, j in pairs], rd, [i[0] - j[2] + n - 1 for i, j in pairs]),
            ([at[i[0], i[1], j[0]] for i, j in pairs], rh, [i[1] - j[2] + n - 1 for i, j in pairs]),
            ([at[i[0], i[1], j[1]] for i, j in pairs], rw, [j[1] - j[2] + n - 1 for i, j in pairs]),
        ]
    count, out = len(tokens), []
    for head in range(heads):
        q, k, v = (qkv[:, :, s * channels + head * c : s * channels + (head + 1) * c] for s in range(3))
        scores = torch.einsum("bic,bjc->bij", q, k) / math.sqrt(c)
        for query, table, row in terms:
            scores = scores + torch.einsum("bpc,pc->bp", q[:, query], table[row]).reshape(b, count, count)
        e = torch.exp(scores - scores.max(-1, keepdim=True).values)
        out.append((e / e.sum(-1, keepdim=True)) @ v)
    joined = torch.cat(out, -1) @ p[name + ".proj.weight"].T + p[name + ".proj.bias"]
    return joined.reshape(b, d, h, w, channels)


def windowed(x, window, inner):
    """Zero-pads at the high end, attends in each window on its own, and crops."""
    b, d, h, w, c = x.shape
    counts = [-(-n // window) for n in (d, h, w)]
    full = torch.zeros(b, *(n * window for n in counts), c)
    padded = F.pad(x, (0, 0, 0, full.shape[3] - w, 0, full.shape[2] - h, 0, full.shape[1] - d))
    rows = []
    for i in range(counts[0]):
        columns = []
        for j in range(counts[1]):
            line = []
            for k in range(counts[2]):
                i0, j0, k0 = i * window, j * window, k * window
                line.append(inner(padded[:, i0 : i0 + window, j0 : j0 + window, k0 : k0 + window]))
            columns.append(torch.cat(line, 3))
        rows.append(torch.cat(columns, 2))
    return torch.cat(rows, 1)[:, :d, :h, :w]


def positions_for(table, grid):
    """Absolute positions (1, D, H, W, C), resampled trilinearly, borders aligned, one axis after another."""
    for axis, n in enumerate(grid, 1):
        length = table.shape[axis]
        if n == length:
            continue
        slices = []
        for i in range(n):
            at = max(0.0, (i + 0.5) * length / n - 0.5)
            low = min(int(at), length - 1)
            high = min(low + 1, length - 1)
            slices.append(table.select(axis, low) * (1 - (at - low)) + table.select(axis, high) * (at - low))
        table = torch.stack(slices, axis)
    return table


def vit(x, p, shape):
    patch, heads, form = shape["patch"], shape["heads"], shape["positions"]
    x = F.conv3d(x, p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], stride=patch).movedim(1, -1)
    x = x + positions_for(p["pos_embed"], x.shape[1:4])
    for i in range(shape["depth"]):
        block = f"blocks.{i}"
        y = layer_norm(x, p, block + ".norm1")
        whole = lambda t: attention(t, p, block + ".attn", heads, form)
        x = x + (whole(y) if i in shape["globalBlocks"] else windowed(y, shape["window"], whole))
        y = layer_norm(x, p, block + ".norm2")
        y = gelu(y @ p[block + ".mlp.lin1.weight"].T + p[block + ".mlp.lin1.bias"])
        x = x + y @ p[block + ".mlp.lin2.weight"].T + p[block + ".mlp.lin2.bias"]
        if block + ".adapter.up.weight" in p:
            y = gelu(x @ p[block + ".adapter.down.weight"].T + p[block + ".adapter.down.bias"])
            x = x + y @ p[block + ".adapter.up.weight"].T + p[block + ".adapter.up.bias"]
    x = F.conv3d(x.movedim(-1, 1), p["neck.0.weight"])
    x = layer_norm(x.movedim(1, -1), p, "neck.1").movedim(-1, 1)
    x = F.conv3d(x, p["neck.2.weight"], padding=1)
    return layer_norm(x.movedim(1, -1), p, "neck.3").movedim(-1, 1)


def parameters(shape, tuning):
    """Names and shapes in the order of the fields of model/vit.ts."""
    c, patch, grid, out = shape["channels"], shape["patch"], shape["grid"], shape["outputs"]
    yield "patch_embed.proj.weight", (c, 1, patch, patch, patch)
    yield "patch_embed.proj.bias", (c,)
    yield "pos_embed", (1, grid, grid, grid, c)
    for i in range(shape["depth"]):
        n = grid if i in shape["globalBlocks"] else shape["window"]
        for name, size in [
            ("norm1.weight", (c,)),
            ("norm1.bias", (c,)),
            ("attn.qkv.weight", (3 * c, c)),
            ("attn.qkv.bias", (3 * c,)),
            ("attn.proj.weight", (c, c)),
            ("attn.proj.bias", (c,)),
            *((f"attn.rel_pos_{a}", (2 * n - 1, c // shape["heads"])) for a in "dhw"),
            *((("attn.lora.a", (tuning["loraRank"], c)), ("attn.lora.b", (3 * c, tuning["loraRank"])))
              if tuning["loraRank"] else ()),
            ("norm2.weight", (c,)),
            ("norm2.bias", (c,)),
            ("mlp.lin1.weight", (4 * c, c)),
            ("mlp.lin1.bias", (4 * c,)),
            ("mlp.lin2.weight", (c, 4 * c)),
            ("mlp.lin2.bias", (c,)),
            *((("adapter.down.weight", (tuning["adapterRank"], c)), ("adapter.down.bias", (tuning["adapterRank"],)),
               ("adapter.up.weight", (c, tuning["adapterRank"])), ("adapter.up.bias", (c,)))
              if tuning["adapterRank"] else ()),
        ]:
            yield f"blocks.{i}.{name}", size
    yield "neck.0.weight", (out, c, 1, 1, 1)
    yield "neck.1.weight", (out,)
    yield "neck.1.bias", (out,)
    yield "neck.2.weight", (out, out, 3, 3, 3)
    yield "neck.3.weight", (out,)
    yield "neck.3.bias", (out,)


def case(name, size, adapterRank=0, loraRank=0, **changes):
    shape = dict(patch=2, grid=3, channels=8, depth=3, heads=2, window=2, globalBlocks=[1], outputs=4, positions="axis")
    shape.update(changes)
    tuning = dict(isFrozen=False, adapterRank=adapterRank, loraRank=loraRank)
    p = {n: stream(s, i + 1, 0.5).requires_grad_(True) for i, (n, s) in enumerate(parameters(shape, tuning))}
    x = stream((2, 1, *size), 1000).requires_grad_(True)
    out = vit(x, p, shape)
    (out * stream(out.shape, 2000)).sum().backward()
    return {
        "name": name,
        "shape": shape,
        "tuning": tuning,
        "size": size,
        "output": digest(out),
        "input": digest(x.grad),
        "gradients": {n: digest(t.grad) for n, t in p.items()},
    }


cases = [
    case(f"{form}, {what}", [6, 6, 6], positions=form, window=window)
    for form in ("axis", "sam-med3d")
    for what, window in (("padded windows", 2), ("a lone window over the grid's edge", 4), ("a window of the grid", 3))
] + [
    case("axis, adapters and corrections of low rank", [6, 6, 6], adapterRank=3, loraRank=2),
    case("axis, another grid than the tables are for", [8, 6, 4]),
    case("sam-med3d, another grid than the tables are for", [8, 8, 8], positions="sam-med3d"),
]
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"torch": torch.__version__, "numpy": numpy.__version__, "cases": cases}, separators=(",", ":")) + "\n")
