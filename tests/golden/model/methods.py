"""Writes methods.json beside this file: loss terms and gradients of one step of the methods, in float64.

Networks, batch and methods are written here from their descriptions, with PyTorch's own operations. A step in
float32 may land on another side of a kink (ReLU, pooling, a decision) than one in float64; the images are drawn
again until PyTorch's own two agree in every element, and no step on images moved by a few roundings leaves them
either, so that what is left to compare is the arithmetic.
Run with Debian's python3-torch: /usr/bin/python3 tests/golden/model/methods.py [FOLDER]
With a folder it leaves every element of every gradient there, for gradients.ts beside this file to compare with.
"""

import functools
import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F

from digest import stream

torch.set_default_dtype(torch.float64)

SIZE, SAMPLES, CLASSES = 16, 2, 3
ENCODER = [[4, 8], [8, 16], [16, 32], [32, 64]]  # unet-tiny


def seed_of(name):
    h = 7
    for char in name:
        h = (h * 31 + ord(char)) % 1000003
    return h


@functools.cache
def parameter(name, shape):
    """Numbers of a size that keeps activations alive: as He's for weights, near 1 for scales, near 0 for shifts."""
    if name.endswith("norm.weight"):
        return 1 + stream(shape, seed_of(name), 0.3)
    if len(shape) < 2:
        return stream(shape, seed_of(name), 0.3)
    return stream(shape, seed_of(name), math.sqrt(6 / math.prod(shape[1:])))


class Parameters:
    """The parameters of a network by name, made as they are asked for."""

    def __init__(self, prefix, trained=True):
        self.prefix, self.trained, self.made = prefix, trained, {}

    def __call__(self, name, *shape):
        full = self.prefix + name
        if full not in self.made:
            self.made[full] = parameter(full, shape).clone().to(precision).requires_grad_(self.trained)
        return self.made[full]


def level(p, name, channels, x):
    for b in range(len(channels) - 1):
        at = f"{name}.blocks.{b}"
        weight = p(f"{at}.conv.weight", channels[b + 1], channels[b], 3, 3, 3)
        x = F.conv3d(x, weight, p(f"{at}.conv.bias", channels[b + 1]), padding=1)
        scale, shift = p(f"{at}.norm.weight", channels[b + 1]), p(f"{at}.norm.bias", channels[b + 1])
        x = F.leaky_relu(F.instance_norm(x, weight=scale, bias=shift, eps=1e-5), 0.01)
    return x


def encode(p, name, x):
    skips, below = [], 1
    for i, channels in enumerate(ENCODER):
        x = F.max_pool3d(x, 2) if i > 0 else x
        x = level(p, f"{name}.levels.{i}", [below, *channels], x)
        below = channels[-1]
        skips.append(x)
    return x, skips[:-1]


def decode(p, name, x, skips):
    below = ENCODER[-1][-1]
    for i, skip in enumerate(reversed(skips)):
        weight = p(f"{name}.ups.{i}.weight", below, below, 2, 2, 2)
        up = F.conv_transpose3d(x, weight, p(f"{name}.ups.{i}.bias", below), stride=2)
        channels = skip.shape[1]
        x = level(p, f"{name}.levels.{i}", [below + channels, channels, channels], torch.cat([up, skip], 1))
        below = channels
    return F.conv3d(x, p(f"{name}.head.weight", CLASSES, below, 1, 1, 1), p(f"{name}.head.bias", CLASSES))


def awareness(p, x):
    rows = x.flatten(2)
    unit = rows / rows.square().sum(2, keepdim=True).clamp(min=1e-16).sqrt()
    attention = F.softmax(-unit @ unit.transpose(1, 2), 2)
    return (p("mia.gamma", 1) * (attention @ rows) + rows).reshape(x.shape)


def cmc(p, images):
    codes = [encode(p, f"encoders.{m}", x) for m, x in enumerate(images)]
    aware = [awareness(p, features) for features, _ in codes]
    c = ENCODER[-1][-1]
    fused = torch.sigmoid(level(p, "fusion", [len(images) * c, c, c], torch.cat(aware, 1)))
    logits = [decode(p, f"decoders.{m}", fused + aware[m], codes[m][1]) for m in range(len(images))]
    return [features for features, _ in codes], logits


def separate(p, images):
    codes = [encode(p, f"encoders.{m}", x) for m, x in enumerate(images)]
    return [decode(p, f"decoders.{m}", *code) for m, code in enumerate(codes)]


def mean(values):
    return sum(values) / len(values)


def dice_ce(z, y):
    p, g = F.softmax(z, 1), F.one_hot(y, CLASSES).movedim(-1, 1).to(z.dtype)
    axes = (2, 3, 4)
    dice = 1 - 2 * (p * g).sum(axes) / (p.square().sum(axes) + g.square().sum(axes) + 1e-6)
    return F.cross_entropy(z, y) + dice.mean()


def supervised(logits, labels):
    return mean([dice_ce(z, y) for z, y in zip(logits, labels)])


def soft_dice(p, q):
    axes = (2, 3, 4)
    return (2 * (p * q).sum(axes) + 1e-6) / (p.square().sum(axes) + q.square().sum(axes) + 1e-6)


def csc(a, b):
    u, v = a.flatten(2), b.flatten(2)
    norms = (u.square().sum(2) * v.square().sum(2)).clamp(min=1e-16).sqrt()
    return (1 - (u * v).sum(2) / norms).mean()


def foreground(p, q):
    return 1 - soft_dice(p[:, 1:], q[:, 1:]).mean()


def joint(probabilities):
    product = probabilities[0]
    for p in probabilities[1:]:
        product = product * p
    product = product.clamp(min=1e-8)
    return product / product.sum(1, keepdim=True)


def weighted(z, y, w):
    """Cross-entropy and Dice over the batch where w is 1; classes without a voxel there are left out of Dice."""
    ce = (F.cross_entropy(z, y, reduction="none").unsqueeze(1) * w).sum() / w.sum().clamp(min=1)
    p, g = F.softmax(z, 1) * w, F.one_hot(y, CLASSES).movedim(-1, 1).to(z.dtype) * w
    axes = (0, 2, 3, 4)
    dice = (2 * (p * g).sum(axes) + 1e-5) / (p.sum(axes) + g.sum(axes) + 1e-5)
    there = g.sum(axes) > 0
    return ce + 1 - dice[there].mean()


def images(what, salt):
    shape = (SAMPLES, 1, SIZE, SIZE, SIZE)
    drawn = [stream(shape, seed_of(f"{what}/{m}/{salt}"), 1.7) for m in range(2)]
    moved = [x + stream(shape, seed_of(f"{what}/{m}/moved {moves}"), ROUNDINGS) for m, x in enumerate(drawn)]
    return [x.to(precision) for x in (moved if moves else drawn)]


# What images are moved by to find kinks that are close; the gradients of a smooth step move as much.
ROUNDINGS = 2e-6
precision = torch.float64
moves = 0
labels = [
    (stream((SAMPLES, SIZE, SIZE, SIZE), seed_of(f"labels/{m}"), 1.5) + 1.5).floor().long().clamp(0, 2) for m in range(2)
]


def step_supervised():
    p = Parameters("")
    return [p], {"supervised": (supervised(cmc(p, labelled)[1], labels), 1)}


def step_mean_teacher():
    student, teacher = Parameters("student."), Parameters("teacher.", trained=False)
    targets = [F.softmax(z, 1).detach() for z in cmc(teacher, strong)[1]]
    own = [F.softmax(z, 1) for z in cmc(student, strong)[1]]
    consistency = mean([(p - q).square().mean() for p, q in zip(own, targets)])
    return [student], {
        "supervised": (supervised(cmc(student, labelled)[1], labels), 1),
        "consistency": (consistency, 0.1),
    }


def step_mean_teacher_dice():
    student, teacher = Parameters("student."), Parameters("teacher.", trained=False)
    targets = [F.softmax(z, 1).detach() for z in cmc(teacher, weak)[1]]
    own = [F.softmax(z, 1) for z in cmc(student, strong)[1]]
    return [student], {
        "supervised": (supervised(cmc(student, labelled)[1], labels), 1),
        "consistency": (mean([foreground(p, q) for p, q in zip(own, targets)]), 1),
    }


def crossed(network, weight):
    p = Parameters("")
    logits = network(p, strong)
    cross = mean([F.cross_entropy(z, logits[1 - m].argmax(1)) for m, z in enumerate(logits)])
    return [p], {"supervised": (supervised(network(p, labelled), labels), 1), "cross": (cross, weight)}


def step_cross_modal_cps():
    return crossed(separate, 0.1)


def step_cross_modal_cps_joined():
    return crossed(lambda p, images: cmc(p, images)[1], 1)


def step_cmc():
    p = Parameters("")
    features, logits = cmc(p, strong)
    a, b = [F.softmax(z, 1) for z in logits]
    return [p], {
        "supervised": (supervised(cmc(p, labelled)[1], labels), 1),
        "csc": (csc(*features), 0.1),
        "cac": (foreground(a, b), 1),
    }


def step_cmc_confident():
    p = Parameters("")
    target = joint([F.softmax(z, 1) for z in cmc(p, weak)[1]]).detach()
    features, logits = cmc(p, strong)
    return [p], {
        "supervised": (supervised(cmc(p, labelled)[1], labels), 1),
        "csc": (csc(*features), 0.1),
        "cac": (mean([foreground(F.softmax(z, 1), target) for z in logits]), 1),
    }


def step_copy_paste():
    student, teacher = Parameters("student."), Parameters("teacher.", trained=False)
    pseudo = joint([F.softmax(z, 1) for z in cmc(teacher, weak)[1]]).detach().argmax(1)
    mask = torch.ones(1, 1, SIZE, SIZE, SIZE, dtype=precision)
    side = 2 * SIZE // 3
    mask[..., 2 : 2 + side, 2 : 2 + side, 2 : 2 + side] = 0  # the box that the test draws
    mixed = [
        torch.cat([x * mask + u * (1 - mask), u * mask + x * (1 - mask)]) for x, u in zip(labelled, strong)
    ]
    whole = mask[:, 0].bool()
    targets = [torch.cat([torch.where(whole, y, pseudo), torch.where(whole, pseudo, y)]) for y in labels]
    trusted = torch.cat([mask.expand(SAMPLES, -1, -1, -1, -1), 1 - mask.expand(SAMPLES, -1, -1, -1, -1)])
    features, logits = cmc(student, mixed)
    over = lambda w: mean([weighted(z, y, w) for z, y in zip(logits, targets)])
    return [student], {
        "pasted": (over(trusted), 1),
        "pseudo": (over(1 - trusted), 0.5),
        "csc": (csc(*features), 0.1),
    }


# What is compared: method, settings, step.
rows = {
    "supervised": ("supervised", {}, step_supervised),
    "mean-teacher": ("mean-teacher", {"noise": 0}, step_mean_teacher),
    "mean-teacher, Dice of weak views": (
        "mean-teacher",
        {"distance": "dice", "teacherView": "weak", "consistencyWeight": 1},
        step_mean_teacher_dice,
    ),
    "cross-modal-cps": ("cross-modal-cps", {}, step_cross_modal_cps),
    "cross-modal-cps, joined": (
        "cross-modal-cps",
        {"network": "joined", "consistencyWeight": 1},
        step_cross_modal_cps_joined,
    ),
    "cmc": ("cmc", {}, step_cmc),
    "cmc-confident": ("cmc-confident", {}, step_cmc_confident),
    "cmc-copy-paste": ("cmc-copy-paste", {}, step_copy_paste),
}


def run(step, salt, dtype, move=0):
    """Terms and gradients of a step on the images of a salt, moved in one of several ways."""
    global precision, labelled, strong, weak, moves
    precision, moves = dtype, move
    labelled, strong, weak = [images(what, salt) for what in ("labelled", "strong", "weak")]
    networks, terms = step()
    sum(value * weight for value, weight in terms.values()).backward()
    return terms, {key: t.grad.double() for network in networks for key, t in network.made.items()}


def largest(t):
    return t.abs().max().item()


def apart(gradients, others):
    """The largest difference of an element, by the largest of its tensor.

    A shift before a norm has no gradient: what rounding leaves of it is measured by the largest of all.
    """
    whole = max(largest(g) for g in gradients.values())
    scale = {key: largest(g) if largest(g) > 1e-12 * whole else whole for key, g in gradients.items()}
    return max(largest(g - others[key]) / scale[key] for key, g in gradients.items())


def digest(gradient):
    g = gradient.reshape(-1)
    return {
        "largest": float(f"{largest(g):.7g}"),
        "product": float(f"{(g * stream(g.shape, 99)).sum().item():.10g}"),
        "squares": float(f"{(g * g).sum().item():.10g}"),
        "values": [float(f"{v:.7g}") for v in g[:: max(1, g.numel() // 4)].tolist()],
    }


out = {}
for name, (method, settings, step) in rows.items():
    for salt in range(200):
        terms, gradients = run(step, salt, torch.float64)
        worst = apart(gradients, run(step, salt, torch.float32)[1])
        if worst < 2e-5 and all(
            apart(gradients, run(step, salt, torch.float64, move)[1]) < 1e-4 for move in range(1, 9)
        ):
            break
    else:
        sys.exit(f"{name}: every image is close to a kink")
    print(name, salt, worst, flush=True)
    out[name] = {
        "method": method,
        "settings": settings,
        "salt": salt,
        "terms": {key: [float(f"{value.item():.12g}"), weight] for key, (value, weight) in terms.items()},
        "gradients": {key: digest(gradient) for key, gradient in gradients.items()},
    }
    if len(sys.argv) > 1:
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients.values()])
        flat.numpy().tofile(pathlib.Path(sys.argv[1]) / f"{name}.f64")
lines = json.dumps(out).replace("}, ", "},\n")
pathlib.Path(__file__).with_suffix(".json").write_text(lines + "\n")
