"""PyTorch's side of the benchmark: `pytorch.py THREADS WORKLOAD [cuda|cuda-tf32]`; see ../protocol.ts.

Only a peer to compare with; nothing depends on it.
"""
import json
import os
import resource
import sys
import time

threads, workload = sys.argv[1:3]
card = sys.argv[3] if len(sys.argv) > 3 else None
# Read when the libraries are loaded. OpenBLAS has a pool of its own, which torch.set_num_threads does not reach.
# Between two runs the others have their turn: waiting threads must sleep then, not spin.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = threads
os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ["OPENBLAS_THREAD_TIMEOUT"] = "4"


def answer(message):
    print(json.dumps(message), flush=True)


try:
    import torch
except ModuleNotFoundError:
    answer({"refused": "not installed"})
    sys.exit()
import torch.nn.functional as F

from pytorch_networks import cmc_step, sam_encoder, sliding_window, thick_slices, unet_step, vit_block

torch.set_num_threads(int(threads))
torch.manual_seed(0)
if card:
    if not torch.cuda.is_available():
        answer({"refused": "not installed: this PyTorch finds no CUDA card"})
        sys.exit()
    torch.set_default_device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = card == "cuda-tf32"
    torch.backends.cudnn.benchmark = True


def blas():
    """Debian's PyTorch takes the BLAS that is installed; the reference one is more than ten times slower than OpenBLAS."""
    with open("/proc/self/maps") as maps:
        return "OpenBLAS" if "openblas" in maps.read() else "reference BLAS"


def matmul(size):
    def prepare():
        a, b = torch.randn(size, size), torch.randn(size, size)
        return lambda: a @ b

    return prepare


def attention(backward):
    def prepare():
        q, k, v = (torch.randn(12, 512, 64, requires_grad=backward) for _ in range(3))

        def forward():
            return torch.softmax(q @ k.transpose(1, 2) * 64**-0.5, -1) @ v

        def both():
            q.grad = k.grad = v.grad = None
            forward().sum().backward()

        return both if backward else forward

    return prepare


def layer_norm():
    x, gamma, beta = torch.randn(512, 768), torch.ones(768), torch.zeros(768)
    return lambda: F.layer_norm(x, (768,), gamma, beta)


def gelu(mebi):
    def prepare():
        x = torch.randn(mebi * 1024**2)
        return lambda: F.gelu(x)

    return prepare


def instance_norm(channels, size):
    def prepare():
        x = torch.randn(2, channels, size, size, size, requires_grad=True)
        gamma, beta = torch.ones(channels, requires_grad=True), torch.zeros(channels, requires_grad=True)

        def both():
            x.grad = gamma.grad = beta.grad = None
            F.leaky_relu(F.instance_norm(x, weight=gamma, bias=beta), 0.01).sum().backward()

        return both

    return prepare


def conv(channels, size, backward, kernel=(3, 3, 3)):
    padding = tuple(k // 2 for k in kernel)

    def prepare():
        x = torch.randn(2, channels, *size, requires_grad=backward)
        w = torch.randn(channels, channels, *kernel, requires_grad=backward)
        g = torch.randn(2, channels, *size)

        def both():
            x.grad = w.grad = None
            F.conv3d(x, w, padding=padding).backward(g)

        return both if backward else lambda: F.conv3d(x, w, padding=padding)

    return prepare


workloads = {
    "matmul 1024³": matmul(1024),
    "attention 12×512×64 forward": attention(False),
    "attention 12×512×64 forward + backward": attention(True),
    "ViT block 768, 12 heads, 512 tokens forward + backward": vit_block,
    "layer norm 512×768 forward": layer_norm,
    "GELU 4 M forward": gelu(4),
    "conv3d 32→32 32³ forward": conv(32, (32, 32, 32), False),
    "conv3d 32→32 32³ forward + backward": conv(32, (32, 32, 32), True),
    "conv3d 16→16 64³ forward": conv(16, (64, 64, 64), False),
    "conv3d 16→16 64³ forward + backward": conv(16, (64, 64, 64), True),
    "conv3d 1×3×3 32→32 8×64×64 forward": conv(32, (8, 64, 64), False, (1, 3, 3)),
    "conv3d 1×3×3 32→32 8×64×64 forward + backward": conv(32, (8, 64, 64), True, (1, 3, 3)),
    "supervised unet-light 24×40×32 step": cmc_step("unet-light", (24, 40, 32), False),
    "CMC unet-light 24×40×32 step": cmc_step("unet-light", (24, 40, 32), True),
    "UNet3D 16/32/64 32³ step, N = 1": unet_step([16, 32, 64], (32, 32, 32), 1),
    "CMC unet-small 32³ step": cmc_step("unet-small", (32, 32, 32), True),
    "sliding window of 128³, unet-tiny": sliding_window("unet-tiny", 32, 128),
    "SAM-Med3D encoder 128³ forward, N = 1": sam_encoder,
    "UNet3D 16/32/64 64³ step": unet_step([16, 32, 64], (64, 64, 64), 2),
    "thick-slice UNet3D 16/32/64 8×64×64 step": unet_step([16, 32, 64], (8, 64, 64), 2, thick_slices),
    "CMC unet-small 64³ step": cmc_step("unet-small", (64, 64, 64), True),
    "conv3d 32→32 64³ forward": conv(32, (64, 64, 64), False),
    "conv3d 32→32 64³ forward + backward": conv(32, (64, 64, 64), True),
    "conv3d 64→64 64³ forward": conv(64, (64, 64, 64), False),
    "conv3d 64→64 64³ forward + backward": conv(64, (64, 64, 64), True),
    "instance norm 32×64³ forward + backward": instance_norm(32, 64),
    "matmul 4096³": matmul(4096),
    "GELU 64 M forward": gelu(64),
    "CMC unet-tiny 16³ step": cmc_step("unet-tiny", (16, 16, 16), True),
    "conv3d 4→4 8³ forward + backward": conv(4, (8, 8, 8), True),
    "matmul 64³": matmul(64),
}
if workload not in workloads:
    answer({"refused": "no such workload here"})
    sys.exit()
run = workloads[workload]()
place = torch.cuda.get_device_name() if card else f"{blas()}, {torch.get_num_threads()} thread(s)"
answer({"ready": f"PyTorch {torch.__version__}, {place}"})
for line in sys.stdin:
    runs = int(line.split()[1])
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(runs):
        run()
    if card:
        torch.cuda.synchronize()
    times = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer({**{key: 1000 * value / runs for key, value in times.items()}, "residentMiB": peak / 1024})
