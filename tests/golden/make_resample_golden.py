"""Values for tests/data/resample_golden_test.ts: python3 tests/golden/make_resample_golden.py > tests/golden/resample.json

Finer grids are held against scipy.ndimage.zoom(grid_mode=True), coarser ones against the anti-aliased interpolation of
PyTorch, places through an oblique affine against scipy.ndimage.map_coordinates.
"""

import json

import numpy as np
import scipy.ndimage as ndi
import torch


def volume(shape):
    n = int(np.prod(shape))
    return np.sin(0.37 * np.arange(n)).reshape(shape) + np.cos(0.05 * np.arange(n) ** 1.1).reshape(shape)


def rounded(x):
    return [round(float(v), 7) for v in np.asarray(x).ravel()]


finer = []
for shape, target in [((3, 4, 5), (6, 8, 10)), ((4, 3, 5), (6, 4, 5)), ((2, 5, 3), (5, 7, 3))]:
    factors = [t / s for t, s in zip(target, shape)]
    out = ndi.zoom(volume(shape), factors, order=1, mode="nearest", grid_mode=True)
    assert out.shape == target
    finer.append({"shape": shape, "target": target, "values": rounded(out)})

coarser = []
for shape, target in [((1, 8, 10), (1, 4, 5)), ((1, 9, 12), (1, 4, 5)), ((1, 7, 11), (1, 3, 11))]:
    x = torch.tensor(volume(shape))[None]
    out = torch.nn.functional.interpolate(x, target[1:], mode="bilinear", align_corners=False, antialias=True)
    coarser.append({"shape": shape, "target": target, "values": rounded(out)})

# Output voxel to source voxel: a rotation about the third axis by 0.3, a shift, a finer step.
c, s = np.cos(0.3) * 0.8, np.sin(0.3) * 0.8
map_ = np.array([[c, -s, 0, 0.2], [s, c, 0, 0.4], [0, 0, 0.9, 0.6], [0, 0, 0, 1]])
shape, target = (7, 8, 6), (4, 4, 5)
index = np.indices(target).reshape(3, -1)
place = map_[:3, :3] @ index + map_[:3, 3:]
inside = np.all((place >= -0.5) & (place <= np.array(shape)[:, None] - 0.5), axis=0)
out = ndi.map_coordinates(volume(shape), place, order=1, mode="nearest")
out[~inside] = -9
oblique = {"shape": shape, "target": target, "map": map_.ravel().tolist(), "values": rounded(out)}

print(json.dumps({"finer": finer, "coarser": coarser, "oblique": oblique}))
