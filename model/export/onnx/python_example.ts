/**
 * A program in Python that uses an exported model.
 *
 * @module
 */

/**
 * The text of the program. It shows what the model takes and gives on one window of scans that need no resampling; it
 * refuses others.
 *
 * @param file name of the model, beside the program
 */
export function pythonExample(file: string): string {
  return `"""What a network says of the middle of a scan (pip install onnxruntime nibabel numpy).

Usage: python3 THIS MODALITY=FILE.nii.gz …, one scan for each modality of the network."""
import json, sys
import nibabel, numpy, onnxruntime

session = onnxruntime.InferenceSession(${JSON.stringify(file)})
metadata = session.get_modelmeta().custom_metadata_map
preparation = json.loads(metadata["preparation"])  # all that decides how a scan becomes an array
patch, classes = json.loads(metadata["patch"]), json.loads(metadata["classes"])
assert preparation["orientation"] == {"rule": "anatomical", "through": "S"}, "turn scans as preparation says"

def window(path, rule):
    """[1,1,D,H,W] from the middle, D to superior, H to anterior, W to right."""
    scan = nibabel.as_closest_canonical(nibabel.load(path))
    assert numpy.allclose(scan.header.get_zooms()[2::-1], preparation["spacing"], rtol=0.02), "resample first"
    voxels = scan.get_fdata(dtype=numpy.float32).transpose(2, 1, 0)
    if rule["kind"] == "window":
        voxels = numpy.clip((voxels - rule["low"]) / (rule["high"] - rule["low"]), 0, 1)
    else:  # over the foreground; here simply what is not 0
        assert rule["kind"] == "zscore" and "clipPercentiles" not in rule, "normalise as preparation says"
        voxels = (voxels - voxels[voxels != 0].mean()) / voxels[voxels != 0].std()
    voxels = numpy.pad(voxels, [(0, max(0, p - n)) for p, n in zip(patch, voxels.shape)], constant_values=voxels.min())
    start = [(n - p) // 2 for p, n in zip(patch, voxels.shape)]
    return voxels[tuple(slice(s, s + p) for s, p in zip(start, patch))][None, None].astype(numpy.float32)

files = dict(argument.split("=", 1) for argument in sys.argv[1:])
feeds = {m["id"]: window(files[m["id"]], m["normalisation"]) for m in preparation["modalities"]}
for output, probabilities in zip(session.get_outputs(), session.run(None, feeds)):
    counts = numpy.bincount(probabilities[0].argmax(0).ravel(), minlength=len(classes))
    print(output.name, dict(zip(classes, counts.tolist())))
`;
}
