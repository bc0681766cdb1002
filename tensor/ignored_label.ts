/**
 * The label of voxels that nobody labelled, such as those outside the field of view of a scan: losses leave them out.
 *
 * @module
 */

/** No class has this id. */
export const ignoredLabel = 255;
