"""The networks of the benchmark in PyTorch: the same layers, losses and steps as ours."""
import torch
import torch.nn as nn
import torch.nn.functional as F

# Channels of each level of the encoder, convolutions of each level of the decoder, whether upsampling keeps the
# channels from below.
presets = {
    "unet-tiny": ([[4 * n, 8 * n] for n in (1, 2, 4, 8)], 2, True),
    "unet-small": ([[8 * n, 16 * n] for n in (1, 2, 4, 8)], 2, True),
    "unet-light": ([[8 * n, 8 * n] for n in (1, 2, 4, 8)], 1, False),
}


# Kernel and stride of each level: all alike, and for thick slices.
cubes = [((3, 3, 3), (2, 2, 2))] * 4
thick_slices = [((1, 3, 3), (1, 1, 1)), ((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2))]


def block(inputs, outputs, kernel):
    padding = tuple(k // 2 for k in kernel)
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, padding=padding), nn.InstanceNorm3d(outputs, affine=True), nn.LeakyReLU(0.01, True)
    )


def level(*channels, kernel=(3, 3, 3)):
    return nn.Sequential(*(block(a, b, kernel) for a, b in zip(channels, channels[1:])))


class Encoder(nn.Module):
    def __init__(self, channels, levels=cubes):
        super().__init__()
        below = [1] + [c[-1] for c in channels]
        self.levels = nn.ModuleList([level(b, *c, kernel=k) for b, c, (k, _) in zip(below, channels, levels)])
        self.strides = [stride for _, stride in levels]

    def forward(self, x):
        skips = []
        for i, stage in enumerate(self.levels):
            x = stage(F.max_pool3d(x, self.strides[i]) if i else x)
            skips.append(x)
        return x, skips[:-1]


class Decoder(nn.Module):
    def __init__(self, channels, convolutions, keeps_below, classes, levels=cubes):
        super().__init__()
        self.ups, self.levels = nn.ModuleList(), nn.ModuleList()
        below = channels[-1][-1]
        for i in range(len(channels) - 2, -1, -1):
            skip, kernel, stride = channels[i][-1], levels[i][0], levels[i + 1][1]
            up = below if keeps_below else skip
            self.ups.append(nn.ConvTranspose3d(below, up, stride, stride))
            self.levels.append(level(up + skip, *([skip] * convolutions), kernel=kernel))
            below = skip
        self.head = nn.Conv3d(below, classes, 1)

    def forward(self, x, skips):
        for up, stage, skip in zip(self.ups, self.levels, skips[::-1]):
            x = stage(torch.cat([up(x), skip], 1))
        return self.head(x)


class Unet(nn.Module):
    def __init__(self, channels, classes, levels=cubes):
        super().__init__()
        twice = [[c, c] for c in channels]
        self.encoder, self.decoder = Encoder(twice, levels), Decoder(twice, 2, False, classes, levels)

    def forward(self, x):
        return self.decoder(*self.encoder(x))


class Cmc(nn.Module):
    def __init__(self, preset, classes):
        super().__init__()
        channels, convolutions, keeps_below = presets[preset]
        self.encoders = nn.ModuleList([Encoder(channels) for _ in range(2)])
        self.decoders = nn.ModuleList([Decoder(channels, convolutions, keeps_below, classes) for _ in range(2)])
        self.gamma = nn.Parameter(torch.zeros(1))
        deepest = channels[-1][-1]
        self.fusion = level(2 * deepest, deepest, deepest)

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


def unet_step(channels, size, samples, levels=cubes):
    def prepare():
        net = Unet(channels, 2, levels)
        x, y = torch.randn(samples, 1, *size), torch.randint(2, (samples, *size))
        return step_of(net, lambda: dice_cross_entropy(net(x), y))

    return prepare


def cmc_step(preset, patch, is_semi_supervised):
    def prepare():
        net = Cmc(preset, 3)
        labelled, unlabelled = ([torch.randn(2, 1, *patch) for _ in range(2)] for _ in range(2))
        labels = [torch.randint(3, (2, *patch)) for _ in range(2)]

        def loss():
            _, logits = net(labelled)
            supervised = sum(dice_cross_entropy(z, y) for z, y in zip(logits, labels)) / 2
            if not is_semi_supervised:
                return supervised
            features, logits = net(unlabelled)
            a, b = (f.flatten(2) for f in features)
            csc = (1 - F.cosine_similarity(a, b, dim=2, eps=1e-8)).mean()
            p, q = (torch.softmax(z, 1) for z in logits)
            return supervised + 0.1 * csc + 1 - soft_dice(p, q)[:, 1:].mean()

        return step_of(net, loss)

    return prepare


def sliding_window(preset, patch, size):
    """Half overlap, Gaussian weights of an eighth of the window, as ours."""

    def prepare():
        net = Cmc(preset, 3).eval()
        images = [torch.randn(1, 1, size, size, size) for _ in range(2)]
        line = torch.exp(-0.5 * ((torch.arange(patch) - (patch - 1) / 2) / (0.125 * patch)) ** 2)
        weight = line[:, None, None] * line[:, None] * line
        starts = range(0, size - patch + 1, patch // 2)

        def infer():
            sums = [torch.zeros(3, size, size, size) for _ in range(2)]
            for z in starts:
                for y in starts:
                    for x in starts:
                        at = (slice(z, z + patch), slice(y, y + patch), slice(x, x + patch))
                        _, logits = net([image[(..., *at)] for image in images])
                        for total, head in zip(sums, logits):
                            total[(slice(None), *at)] += weight * torch.softmax(head, 1)[0]
            return [total.argmax(0) for total in sums]

        return torch.no_grad()(infer)

    return prepare


class VitBlock(nn.Module):
    """Pre-norm block on a grid of tokens with relative positions along each axis.

    Where a window of n³ tokens is wider than the grid, its padding is only keys and values, which are the bias: like
    ours, it neither projects zeros nor computes what padding asks for.
    """

    def __init__(self, channels, heads, n, grid=None):
        super().__init__()
        self.heads, self.n, self.grid = heads, n, grid or n
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.lin1, self.lin2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.tables = nn.ParameterList([nn.Parameter(torch.zeros(2 * n - 1, channels // heads)) for _ in range(3)])
        self.index = torch.arange(self.grid)[:, None] - torch.arange(n) + n - 1

    def attend(self, x):
        samples, tokens, channels = x.shape
        n, g, c = self.n, self.grid, channels // self.heads
        if n == g:
            qkv = self.qkv(x)
        else:
            qkv = F.linear(x, self.qkv.weight).view(samples, g, g, g, -1)
            qkv = F.pad(qkv, (0, 0) + (0, n - g) * 3).flatten(1, 3) + self.qkv.bias
        qkv = qkv.view(samples, n**3, 3, self.heads, c).permute(2, 0, 3, 1, 4).flatten(1, 2)
        q, k, v = qkv.unbind(0)
        grid = q.view(-1, n, n, n, c)[:, :g, :g, :g]
        q = grid.reshape(-1, tokens, c)
        d, h, w = (table[self.index] for table in self.tables)
        scores = (q * c**-0.5 @ k.transpose(1, 2)).view(-1, g, g, g, n, n, n)
        scores = scores + torch.einsum("bdhwc,dkc->bdhwk", grid, d)[..., :, None, None]
        scores = scores + torch.einsum("bdhwc,hkc->bdhwk", grid, h)[..., None, :, None]
        scores = scores + torch.einsum("bdhwc,wkc->bdhwk", grid, w)[..., None, None, :]
        seen = torch.softmax(scores.view(-1, tokens, n**3), -1) @ v
        return self.proj(seen.view(samples, self.heads, tokens, c).transpose(1, 2).flatten(2))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.lin2(F.gelu(self.lin1(self.norm2(x))))


class SamEncoder(nn.Module):
    """SAM-Med3D's encoder for images of 128³ voxels."""

    def __init__(self, channels=768, heads=12, depth=12, grid=8, window=14, outputs=384):
        super().__init__()
        self.patches = nn.Conv3d(1, channels, 16, 16)
        self.positions = nn.Parameter(torch.zeros(1, grid**3, channels))
        self.blocks = nn.Sequential(
            *(VitBlock(channels, heads, grid if i % 3 == 2 else window, grid) for i in range(depth))
        )
        self.reduce = nn.Conv3d(channels, outputs, 1, bias=False)
        self.mix = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.norm1, self.norm2 = nn.LayerNorm(outputs, eps=1e-6), nn.LayerNorm(outputs, eps=1e-6)
        self.grid = grid

    def forward(self, x):
        channel_norm = lambda norm, y: norm(y.movedim(1, -1)).movedim(-1, 1)
        tokens = self.blocks(self.patches(x).flatten(2).transpose(1, 2) + self.positions)
        seen = tokens.transpose(1, 2).unflatten(2, (self.grid,) * 3)
        return channel_norm(self.norm2, self.mix(channel_norm(self.norm1, self.reduce(seen))))


def sam_encoder():
    encoder, x = SamEncoder().eval(), torch.randn(1, 1, 128, 128, 128)
    return torch.no_grad()(lambda: encoder(x))


def vit_block():
    block = VitBlock(768, 12, 8)
    x = torch.randn(2, 512, 768, requires_grad=True)

    def both():
        block.zero_grad()
        x.grad = None
        block(x).sum().backward()

    return both
