/**
 * The letters of anatomical directions as pixels: pictures are made without fonts.
 *
 * @module
 */

/** Width and height of a letter in pixels, at scale 1. */
export const letterSize = { width: 5, height: 7 } as const;

const rows: Readonly<Record<"R" | "L" | "A" | "P" | "S" | "I", readonly string[]>> = {
  R: ["####.", "#...#", "#...#", "####.", "#.#..", "#..#.", "#...#"],
  L: ["#....", "#....", "#....", "#....", "#....", "#....", "#####"],
  A: [".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"],
  P: ["####.", "#...#", "#...#", "####.", "#....", "#....", "#...."],
  S: [".####", "#....", "#....", ".###.", "....#", "....#", "####."],
  I: [".###.", "..#..", "..#..", "..#..", "..#..", "..#..", ".###."],
};

/** A letter for a direction. */
export type DirectionLetter = keyof typeof rows;

/**
 * Draws a letter, white on a black rim so that it shows on every grey.
 *
 * @param put sets a pixel; called with places outside the picture as well
 * @param scale side of a pixel of the letter
 */
export function drawLetter(
  letter: DirectionLetter,
  left: number,
  top: number,
  scale: number,
  put: (x: number, y: number, grey: number) => void,
): void {
  const paint = (rim: number, grey: number): void =>
    rows[letter].forEach((line, row) =>
      [...line].forEach((pixel, column) => {
        if (pixel !== "#") return;
        for (let y = -rim; y < scale + rim; y++) {
          for (let x = -rim; x < scale + rim; x++) {
            put(left + column * scale + x, top + row * scale + y, grey);
          }
        }
      })
    );
  paint(1, 0);
  paint(0, 255);
}
