"""What the programs beside this file have in common: numbers from a seed, and what is stored of a tensor."""

import math

import torch


def stream(shape, seed, scale=1.0):
    """Numbers in [-scale, scale) from a linear congruential generator."""
    x, out = (seed * 2654435761 + 12345) % 2**32, []
    for _ in range(math.prod(shape)):
        x = (x * 1664525 + 1013904223) % 2**32
        out.append(scale * (x / 2**31 - 1))
    return torch.tensor(out, dtype=torch.float64).reshape(shape)


def digest(t):
    """Some values, the product with a stream, and the sum of squares."""
    flat = t.detach().reshape(-1)
    step = max(1, flat.numel() // 7)
    return {
        "shape": list(t.shape),
        "values": [float(f"{v:.10g}") for v in flat[::step].tolist()],
        "product": float(f"{(flat * stream(flat.shape, 99)).sum().item():.12g}"),
        "squares": float(f"{(flat * flat).sum().item():.12g}"),
    }
