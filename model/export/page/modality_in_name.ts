/** Whether the id of a modality is a word of a file's name: `mr` is one of `p7_MR.nii.gz`, `ct` none of `project.nii`. */
export function hasModality(fileName: string, id: string): boolean {
  const word = id.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}])${word}(?![\\p{L}\\p{N}])`, "u").test(fileName.toLowerCase());
}
