"""PyTorch's side of the benchmark: reads one workload name a line, runs it once, prints its times in ms.

The first run of a workload prepares it. Only a peer to compare with; nothing depends on it.
"""
import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(0)


def matmul():
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return lambda: a @ b


def conv(channels, size, backward):
    def prepare():
        x = torch.randn(2, channels, size, size, size, requires_grad=backward)
        w = torch.randn(channels, channels, 3, 3, 3, requires_grad=backward)
        g = torch.randn(2, channels, size, size, size)

        def forward():
            with torch.no_grad():
                return F.conv3d(x, w, padding=1)

        def both():
            x.grad = w.grad = None
            F.conv3d(x, w, padding=1).backward(g)

        return both if backward else forward

    return prepare


def block(inputs, outputs):
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, 3, padding=1), nn.InstanceNorm3d(outputs, affine=True), nn.LeakyReLU(0.01, True)
    )


def level(*channels):
    return nn.Sequential(*(block(a, b) for a, b in zip(channels, channels[1:])))


class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        pairs = zip([1] + channels, channels)
        self.levels = nn.ModuleList([level(a, b, b) for a, b in pairs])

    def forward(self, x):
        skips = []
        for i, stage in enumerate(self.levels):
            x = stage(F.max_pool3d(x, 2) if i else x)
            skips.append(x)
        return x, skips[:-1]


class Decoder(nn.Module):
    def __init__(self, channels, convolutions, classes):
        super().__init__()
        down = list(zip(channels[::-1], channels[-2::-1]))
        self.ups = nn.ModuleList([nn.ConvTranspose3d(a, b, 2, 2) for a, b in down])
        self.levels = nn.ModuleList([level(2 * b, *([b] * convolutions)) for _, b in down])
        self.head = nn.Conv3d(channels[0], classes, 1)

    def forward(self, x, skips):
        for up, stage, skip in zip(self.ups, self.levels, skips[::-1]):
            x = stage(torch.cat([up(x), skip], 1))
        return self.head(x)


class Unet(nn.Module):
    def __init__(self, channels, convolutions, classes):
        super().__init__()
        self.encoder, self.decoder = Encoder(channels), Decoder(channels, convolutions, classes)

    def forward(self, x):
        return self.decoder(*self.encoder(x))


class Cmc(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        channels = [width, 2 * width, 4 * width, 8 * width]
        self.encoders = nn.ModuleList([Encoder(channels), Encoder(channels)])
        self.decoders = nn.ModuleList([Decoder(channels, 1, classes), Decoder(channels, 1, classes)])
        self.gamma = nn.Parameter(torch.zeros(1))
        self.fusion = level(16 * width, 8 * width, 8 * width)

    def aware(self, x):
        rows = x.flatten(2)
        unit = F.normalize(rows, dim=2, eps=1e-8)
        attention = torch.softmax(-(unit @ unit.transpose(1, 2)), -1)
        return self.gamma * (attention @ rows).view_as(x) + x

    def forward(self, images):
        encoded = [encode(x) for encode, x in zip(self.encoders, images)]
        aware = [self.aware(features) for features, _ in encoded]
        fused = torch.sigmoid(self.fusion(torch.cat(aware, 1)))
        logits = [d(fused + a, skips) for d, a, (_, skips) in zip(self.decoders, aware, encoded)]
        return [features for features, _ in encoded], logits


def dice_cross_entropy(logits, labels):
    p = torch.softmax(logits, 1)
    one_hot = F.one_hot(labels, logits.shape[1]).permute(0, 4, 1, 2, 3).float()
    axes = (2, 3, 4)
    dice = 1 - 2 * (p * one_hot).sum(axes) / ((p * p).sum(axes) + one_hot.sum(axes) + 1e-6)
    return F.cross_entropy(logits, labels) + dice.mean()


def soft_dice(p, q):
    axes = (2, 3, 4)
    return (2 * (p * q).sum(axes) + 1e-6) / ((p * p).sum(axes) + (q * q).sum(axes) + 1e-6)


def step_of(net, loss):
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return value.item()

    return step


def unet_step():
    net = Unet([16, 32, 64], 2, 2)
    x, y = torch.randn(2, 1, 64, 64, 64), (torch.rand(2, 64, 64, 64) > 0.8).long()
    return step_of(net, lambda: dice_cross_entropy(net(x), y))


def cmc_step(unlabelled):
    def prepare():
        net = Cmc(8, 3)
        samples = 4 if unlabelled else 2
        images = [torch.randn(samples, 1, 24, 40, 32) for _ in range(2)]
        y = torch.randint(3, (2, 24, 40, 32))

        def loss():
            features, logits = net(images)
            supervised = sum(dice_cross_entropy(z[:2], y) for z in logits) / 2
            if not unlabelled:
                return supervised
            a, b = (f[2:].flatten(2) for f in features)
            csc = (1 - F.cosine_similarity(a, b, dim=2, eps=1e-8)).mean()
            p, q = (torch.softmax(z[2:], 1) for z in logits)
            return supervised + 0.1 * csc + 0.1 * (1 - soft_dice(p, q)[:, 1:].mean())

        return step_of(net, loss)

    return prepare


workloads = {
    "matmul 1024": matmul,
    "conv3d 16→16 64³ forward": conv(16, 64, False),
    "conv3d 16→16 64³ forward + backward": conv(16, 64, True),
    "conv3d 32→32 32³ forward": conv(32, 32, False),
    "conv3d 32→32 32³ forward + backward": conv(32, 32, True),
    "UNet3D 16/32/64 64³ training step": unet_step,
    "CMC training step 24×40×32": cmc_step(True),
    "supervised training step 24×40×32": cmc_step(False),
}
prepared = {}
print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    name = line.strip()
    if name not in prepared:
        prepared[name] = workloads[name]()
    wall, processor = time.perf_counter(), time.process_time()
    prepared[name]()
    times = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    print(json.dumps({key: 1000 * value for key, value in times.items()}), flush=True)
