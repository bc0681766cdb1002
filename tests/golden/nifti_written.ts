/**
 * Writes every readable file of a folder again with our writer, for `nifti_written.py` to compare with nibabel:
 * `deno run -A tests/golden/nifti_written.ts IN OUT`. Each file is turned to RAS before and put back on write.
 */

import { readNifti, toAnatomical, writeNifti } from "../../data/mod.ts";

const [source, target] = Deno.args as [string, string];

async function walk(below: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(`${source}/${below}`)) {
    const path = `${below}/${name}`;
    if (isDirectory) await walk(path);
    if (!/\.(nii|hdr)(\.gz)?$/.test(name)) continue;
    const volume = await readNifti(`${source}/${path}`).catch(() => undefined);
    if (volume === undefined) continue;
    const { header } = volume;
    await Deno.mkdir(`${target}/${below}`, { recursive: true });
    const scaling = header.scaling === undefined ? {} : { scaling: header.scaling };
    const out = `${target}/${path.replace(/\.(nii|hdr)(\.gz)?$/, "")}`;
    await writeNifti(`${out}.like.nii.gz`, toAnatomical(volume), { like: header, dtype: header.dtype, ...scaling });
    await writeNifti(`${out}.own.nii`, toAnatomical(volume)); // a header of our own, float or native type
  }
}

await walk(".");
