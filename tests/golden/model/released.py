"""Writes released.json beside this file: the released CMC network on random weights, in float64, by PyTorch's layers.

Run with Debian's python3-torch: /usr/bin/python3 tests/golden/model/released.py

Width 2 instead of 32, a batch of 2, 16 groups in the joining
normalisation as in the original.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

from digest import digest, stream

W, CLASSES = 2, 3
torch.set_default_dtype(torch.float64)


def convs(name, i, m, o):
    for k, (a, b) in enumerate([(i, m), (m, o)]):
        yield from conv(f"{name}.ops.{k}", a, b)


def conv(name, i, o):
    yield name + ".conv1.weight", (o, i, 3, 3, 3)
    yield name + ".conv1.bias", (o,)
    yield name + ".bn1.weight", (o,)
    yield name + ".bn1.bias", (o,)


def parameters(w, classes):
    c = 16 * w
    for n, i, m, o in [(64, 1, w, 2 * w), (128, 2 * w, 2 * w, 4 * w), (256, 4 * w, 4 * w, 8 * w), (512, 8 * w, 8 * w, c)]:
        yield from convs(f"image_encoder.down_tr{n}", i, m, o)
    for n, below, skip in [(256, c, 8 * w), (128, 8 * w, 4 * w), (64, 4 * w, 2 * w)]:
        yield f"decoder.up_tr{n}.up_conv.weight", (below, below, 2, 2, 2)
        yield f"decoder.up_tr{n}.up_conv.bias", (below,)
        yield from convs(f"decoder.up_tr{n}", below + skip, skip, skip)
    yield "decoder.out_tr.conv.conv.weight", (classes, 2 * w, 1, 1, 1)
    yield "decoder.out_tr.conv.conv.bias", (classes,)
    yield "MIA_module.gamma", (1,)
    yield from conv("fusion_layer.layer1", 2 * c, c)
    yield from conv("fusion_layer.layer2", c, c)
    yield "conv3d_convert.0.weight", (2 * c,)
    yield "conv3d_convert.0.bias", (2 * c,)
    yield "conv3d_convert.2.weight", (c, 2 * c, 1, 1, 1)
    yield "conv3d_convert.2.bias", (c,)


def network(images, p):
    def lu(x, name):
        x = F.conv3d(x, p[name + ".conv1.weight"], p[name + ".conv1.bias"], padding=1)
        x = F.batch_norm(x, None, None, p[name + ".bn1.weight"], p[name + ".bn1.bias"], training=True)
        return torch.relu(x)

    def two(x, name):
        return lu(lu(x, name + ".ops.0"), name + ".ops.1")

    def encode(x):
        skips = []
        for n in (64, 128, 256, 512):
            x = two(F.max_pool3d(x, 2) if skips else x, f"image_encoder.down_tr{n}")
            skips.append(x)
        return skips

    def mia(x):
        rows = x.flatten(2)
        energy = rows @ rows.transpose(1, 2)
        attention = torch.softmax(energy.max(-1, keepdim=True).values - energy, -1)
        return p["MIA_module.gamma"] * (attention @ rows).reshape(x.shape) + x

    codes = [encode(x) for x in images]
    aware = [mia(code[-1]) for code in codes]
    fused = torch.sigmoid(lu(lu(torch.cat(aware, 1), "fusion_layer.layer1"), "fusion_layer.layer2"))
    logits = []
    for code, own in zip(codes, aware):
        x = F.group_norm(torch.cat([fused, own], 1), 16, p["conv3d_convert.0.weight"], p["conv3d_convert.0.bias"])
        x = F.conv3d(torch.relu(x), p["conv3d_convert.2.weight"], p["conv3d_convert.2.bias"])
        for n, skip in zip((256, 128, 64), code[2::-1]):
            name = f"decoder.up_tr{n}"
            x = F.conv_transpose3d(x, p[name + ".up_conv.weight"], p[name + ".up_conv.bias"], stride=2)
            x = two(torch.cat([x, skip], 1), name)
        logits.append(F.conv3d(x, p["decoder.out_tr.conv.conv.weight"], p["decoder.out_tr.conv.conv.bias"]))
    return [code[-1] for code in codes], logits


p = {n: stream(s, i + 1, 0.4).requires_grad_(True) for i, (n, s) in enumerate(parameters(W, CLASSES))}
images = [stream((2, 1, 16, 16, 16), 1000 + m) for m in range(2)]
features, logits = network(images, p)
sum((z * stream(z.shape, 2000 + m)).sum() for m, z in enumerate(logits)).backward()
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({
    "torch": torch.__version__,
    "width": W,
    "classes": CLASSES,
    "features": [digest(x) for x in features],
    "logits": [digest(x) for x in logits],
    "gradients": {n: digest(t.grad) for n, t in p.items()},
}, separators=(",", ":")) + "\n")
