#!/bin/sh
# Plans, trains 50 steps and predicts on two real sets that no single grid fits: BraTS with 12 mm slices, and ISLES 2022,
# oblique, with FLAIR on a grid of its own. nibabel compares the geometry of what was written.
#
#   sh tests/reproduce/scanners.sh DATA OUT      DATA as CMC_DATA, OUT a new folder; PY names a Python with nibabel
set -eu
DATA=$1 OUT=$2 PY=${PY:-python3} HERE=$(cd "$(dirname "$0")" && pwd) MAIN=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$OUT"
run() { name=$1; shift; (cd "$MAIN" && deno run -q --allow-read --allow-write "examples/$name.ts" "$@"); }

$PY "$HERE/thick_slices.py" "$DATA/paired/brats2015_deepmedic" "$OUT/brats12" 12
cat > "$OUT/brats.json" <<'JSON'
{
  "name": "BraTS, 12 mm slices",
  "images": "{case}/{case}_{modality}.nii.gz",
  "labels": "{case}/{case}_seg.nii.gz",
  "modalities": [{ "id": "flair", "kind": "mr" }, { "id": "t1c", "kind": "mr" }],
  "classes": [{ "id": 1, "name": "whole tumour" }],
  "labelMap": { "0": 0, "1": 1, "2": 1, "3": 1, "4": 1 }
}
JSON
BRATS="--data $OUT/brats12 --recipe $OUT/brats.json --labelled 2 --validation 1 --test 1 --device cpu"
run plan $BRATS
run train $BRATS --steps 50 --validations 1 --out "$OUT" --name brats
CASE=$(ls "$OUT/brats12" | head -1)
run predict --checkpoint "$OUT/brats/checkpoints/best.safetensors" --device cpu --out "$OUT/brats_labels.nii.gz" \
  --image "flair=$OUT/brats12/$CASE/${CASE}_flair.nii.gz" --image "t1c=$OUT/brats12/$CASE/${CASE}_t1c.nii.gz"

ISLES=$DATA/paired/isles22
cat > "$OUT/isles.json" <<'JSON'
{
  "name": "ISLES 2022, two cases",
  "images": "{case}/{case}_{modality}.nii.gz",
  "labels": "{case}/{case}_msk.nii.gz",
  "modalities": [{ "id": "dwi", "kind": "mr" }, { "id": "flair", "kind": "mr" }],
  "classes": [{ "id": 1, "name": "infarct" }]
}
JSON
cat > "$OUT/isles_split.json" <<'JSON'
{ "labelled": ["sub-strokecase0009"], "unlabelled": [], "validation": ["sub-strokecase0001"], "test": [] }
JSON
SET="--data $ISLES --recipe $OUT/isles.json --split $OUT/isles_split.json --method supervised --device cpu"
run plan $SET
run train $SET --steps 50 --validations 1 --out "$OUT" --name isles
STEM=$ISLES/sub-strokecase0009/sub-strokecase0009
run predict --checkpoint "$OUT/isles/checkpoints/best.safetensors" --device cpu --out "$OUT/isles_labels.nii.gz" \
  --image "dwi=${STEM}_dwi.nii.gz" --image "flair=${STEM}_flair.nii.gz"

$PY "$HERE/same_grid.py" \
  "$OUT/brats_labels_flair.nii.gz=$OUT/brats12/$CASE/${CASE}_flair.nii.gz" \
  "$OUT/brats_labels_t1c.nii.gz=$OUT/brats12/$CASE/${CASE}_t1c.nii.gz" \
  "$OUT/isles_labels_dwi.nii.gz=${STEM}_dwi.nii.gz" \
  "$OUT/isles_labels_flair.nii.gz=${STEM}_flair.nii.gz"
