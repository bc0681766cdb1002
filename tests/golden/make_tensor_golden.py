"""Writes tensor.json beside this file: what PyTorch gives for ops of tensor/, forward and backward, in float64.

Run with Debian's python3-torch: /usr/bin/python3 tests/golden/make_tensor_golden.py

Every input is a wave, s * sin(a * i + phase) at flat index i, so that only its description is stored. The loss is
the sum of the output times wave(output shape, phase 0.3). Stored are a few values, the sum and the sum of
squares of the output and of each gradient.
"""

import json
import math
import pathlib

import numpy
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def wave(shape, phase, a=0.37, s=1.0):
    n = math.prod(shape)
    return (s * torch.sin(a * torch.arange(n, dtype=torch.float64) + phase)).reshape(shape)


def digest(t):
    flat = t.detach().reshape(-1)
    step = max(1, flat.numel() // 7)
    return {
        "shape": list(t.shape),
        "values": [round(v, 9) for v in flat[::step].tolist()],
        "sum": round(flat.sum().item(), 8),
        "squares": round((flat * flat).sum().item(), 8),
    }


def case(name, inputs, function):
    """inputs: list of (shape, phase) or (shape, phase, a, s)."""
    tensors = [wave(*i).requires_grad_(True) for i in inputs]
    out = function(*tensors)
    (out * wave(out.shape, 0.3)).sum().backward()
    return {
        "name": name,
        "inputs": [{"shape": list(i[0]), "wave": list(i[1:])} for i in inputs],
        "output": digest(out),
        "gradients": [digest(t.grad) for t in tensors],
    }


def attention(q, k, v):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return torch.softmax(scores, -1) @ v


def dice_cross_entropy(z):
    """Squared denominators, background included; labels 0, 1, 2, 0, 1, 2, ..."""
    y = (torch.arange(z[:, 0].numel()) % z.shape[1]).reshape(z[:, 0].shape)
    p, g = torch.softmax(z, 1), F.one_hot(y, z.shape[1]).movedim(-1, 1).to(z.dtype)
    axes = tuple(range(2, z.dim()))
    dice = 1 - 2 * (p * g).sum(axes) / ((p * p).sum(axes) + (g * g).sum(axes) + 1e-6)
    return F.cross_entropy(z, y) + dice.mean()


def five_steps(make):
    """Five steps on a fixed gradient wave that changes with the step."""
    p = wave((3, 5), 0.2).requires_grad_(True)
    optimizer = make([p])
    for step in range(5):
        p.grad = wave((3, 5), 0.7 + step, 0.61, 2.0)
        optimizer.step()
    return digest(p)


def exponential_average():
    """Five steps of an average that follows waves."""
    average = torch.optim.swa_utils.AveragedModel(
        torch.nn.ParameterList([torch.nn.Parameter(wave((3, 5), 0.2))]),
        avg_fn=lambda average, x, _: 0.9 * average + 0.1 * x)
    for step in range(6):  # the first call copies
        phase = 0.2 if step == 0 else 0.7 + step - 1
        average.update_parameters(torch.nn.ParameterList([torch.nn.Parameter(wave((3, 5), phase))]))
    return digest(next(average.module.parameters()))


def threefry(key, counter):
    """Threefry 2x32, 20 rounds, on numpy arrays of counters (Salmon et al. 2011, table 4 and section 3.3)."""
    k = [numpy.uint32(key[0]), numpy.uint32(key[1])]
    k.append(numpy.uint32(0x1BD11BDA) ^ k[0] ^ k[1])
    rotations = [13, 15, 26, 6, 17, 29, 16, 24]
    x0, x1 = counter[0] + k[0], counter[1] + k[1]
    for r in range(20):
        x0 = x0 + x1
        left = numpy.uint32(rotations[r % 8])
        x1 = (x1 << left) | (x1 >> (numpy.uint32(32) - left))
        x1 = x1 ^ x0
        if r % 4 == 3:
            s = r // 4 + 1
            x0, x1 = x0 + k[s % 3], x1 + k[(s + 1) % 3] + numpy.uint32(s)
    return x0, x1


def dropout(x):
    """Rate 0.3; the key are the first two words of the stream of seed 42, element i takes word i."""
    blocks = numpy.arange(x.numel() // 2 + 1, dtype=numpy.uint32)
    with numpy.errstate(over="ignore"):
        key = [word[0] for word in threefry((42, 0), (blocks[:1], blocks[:1]))]
        words = numpy.stack(threefry(key, (blocks, numpy.zeros_like(blocks))), 1).reshape(-1)[: x.numel()]
    kept = torch.from_numpy(words >= round(0.3 * 2**32)).reshape(x.shape)
    return x * kept / 0.7


def choices(x):
    floor = torch.floor(4 * x)
    largest = F.one_hot(x.argmax(1), x.shape[1]).movedim(-1, 1)
    return x * floor + 2 * x * (floor == 1) + 3 * x * largest


cases = [
    case("conv3d", [((2, 3, 4, 5, 6), 0.1), ((4, 3, 3, 3, 3), 0.2), ((4,), 0.3)],
         lambda x, w, b: F.conv3d(x, w, b, padding=1)),
    case("conv3d stride dilation groups", [((1, 4, 7, 8, 9), 0.1), ((6, 2, 3, 2, 3), 0.2), ((6,), 0.3)],
         lambda x, w, b: F.conv3d(x, w, b, stride=(2, 1, 2), padding=(1, 0, 2), dilation=(1, 2, 2), groups=2)),
    case("convTranspose3d", [((2, 4, 3, 2, 3), 0.1), ((4, 3, 2, 2, 2), 0.2), ((3,), 0.3)],
         lambda x, w, b: F.conv_transpose3d(x, w, b, stride=2)),
    case("convTranspose3d groups", [((1, 4, 3, 4, 3), 0.1), ((4, 2, 3, 3, 3), 0.2), ((4,), 0.3)],
         lambda x, w, b: F.conv_transpose3d(x, w, b, stride=(2, 1, 2), padding=1, dilation=(1, 2, 1), groups=2)),
    case("instanceNorm", [((2, 3, 2, 3, 4), 0.1), ((3,), 0.2), ((3,), 0.3)],
         lambda x, g, b: F.instance_norm(x, weight=g, bias=b)),
    case("groupNorm", [((2, 6, 2, 3, 2), 0.1), ((6,), 0.2), ((6,), 0.3)],
         lambda x, g, b: F.group_norm(x, 3, g, b)),
    case("groupNorm leakyRelu", [((2, 6, 2, 3, 2), 0.1), ((6,), 0.2), ((6,), 0.3)],
         lambda x, g, b: F.leaky_relu(F.group_norm(x, 2, g, b), 0.1)),
    case("batchNorm", [((3, 4, 2, 3, 2), 0.1), ((4,), 0.2), ((4,), 0.3)],
         lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True)),
    case("layerNorm", [((2, 3, 8), 0.1), ((8,), 0.2), ((8,), 0.3)],
         lambda x, g, b: F.layer_norm(x, (8,), g, b, 1e-6)),
    case("attention", [((2, 12, 4), 0.1), ((2, 12, 4), 0.2, 0.61, 1.5), ((2, 12, 4), 0.3)], attention),
    case("trilinear", [((1, 2, 3, 4, 5), 0.1)],
         lambda x: F.interpolate(x, size=(5, 3, 8), mode="trilinear", align_corners=False)),
    case("trilinear corners", [((1, 2, 3, 4, 5), 0.1)],
         lambda x: F.interpolate(x, size=(5, 3, 8), mode="trilinear", align_corners=True)),
    case("nearest", [((1, 2, 3, 4, 5), 0.1)], lambda x: F.interpolate(x, size=(5, 3, 8), mode="nearest")),
    case("gelu", [((3, 7), 0.1, 0.37, 3.0)], F.gelu),
    case("silu", [((3, 7), 0.1, 0.37, 3.0)], F.silu),
    case("elu", [((3, 7), 0.1, 0.37, 3.0)], lambda x: F.elu(x, 0.7)),
    case("logSoftmax", [((2, 5, 3), 0.1, 0.37, 4.0)], lambda x: F.log_softmax(x, 1)),
    case("logSumExp", [((2, 5, 3), 0.1, 0.37, 4.0)], lambda x: torch.logsumexp(x, (0, 2))),
    case("variance", [((2, 5, 3), 0.1)], lambda x: x.var((0, 2), unbiased=True)),
    case("pow", [((3, 7), 0.1), ((3, 7), 0.9)], lambda x, y: (x + 1.5).pow(y)),
    case("maximum minimum", [((3, 7), 0.1), ((7,), 0.9)], lambda x, y: torch.maximum(x, y) - 2 * torch.minimum(x, y)),
    case("abs sqrt", [((3, 7), 0.1)], lambda x: (x.abs() + 0.1).sqrt()),
    case("sigmoid tanh erf", [((3, 7), 0.1, 0.37, 3.0)], lambda x: torch.sigmoid(x) * torch.tanh(x) + torch.erf(x)),
    case("relu leakyRelu clamp", [((3, 7), 0.1)],
         lambda x: F.relu(x) + F.leaky_relu(x, 0.2) + x.clamp(-0.3, 0.6)),
    case("max min", [((2, 5, 3), 0.1)], lambda x: x.amax((0, 2)) - x.amin((0, 2))),
    case("concat flip roll", [((2, 3, 4), 0.1), ((2, 2, 4), 0.9)],
         lambda x, y: torch.cat([x, y], 1).flip((0, 2)).roll(2, 1)),
    case("gather", [((5, 3), 0.1)], lambda x: x.index_select(0, torch.tensor([4, 0, 0, 2, 4, 1, 0]))),
    case("linear", [((2, 3, 5), 0.1), ((4, 5), 0.2), ((4,), 0.3)], F.linear),
    case("diceCrossEntropy", [((2, 3, 2, 3, 4), 0.1, 0.37, 2.0)], dice_cross_entropy),
    case("maxPool3d", [((2, 2, 4, 5, 6), 0.1, 1.7)], lambda x: F.max_pool3d(x, 2, 2)),
    case("floor equal argmax", [((3, 4, 5), 0.1)], choices),
    case("cast reshape", [((3, 4, 5), 0.1)], lambda x: (x * (7 * x).to(torch.int32).to(x.dtype)).reshape(6, 10)),
    case("sumOfSquares", [((3, 4), 0.1), ((7,), 0.9)], lambda x, y: (x * x).sum() + (y * y).sum()),
    case("dropout", [((3, 7, 5), 0.1)], dropout),
    case("avgPool3d", [((2, 2, 4, 5, 6), 0.1)], lambda x: F.avg_pool3d(x, (2, 3, 2), (1, 2, 2))),
]
updates = {
    "AdamW": five_steps(lambda p: torch.optim.AdamW(p, lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)),
    "Adam": five_steps(lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)),
    "SGD": five_steps(lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, weight_decay=0.1)),
    "SGD Nesterov": five_steps(
        lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, weight_decay=0.1, nesterov=True)),
    "average": exponential_average(),
}
path = pathlib.Path(__file__).with_name("tensor.json")
lines = [json.dumps(c) for c in cases]
steps = ["%s: %s" % (json.dumps(name), json.dumps(value)) for name, value in updates.items()]
path.write_text(
    '{"torch": %s,\n"updates": {\n%s\n},\n"cases": [\n%s\n]}\n'
    % (json.dumps(torch.__version__), ",\n".join(steps), ",\n".join(lines))
)
