/**
 * The anatomy of the heart phantom: which tissue is where, in mm.
 *
 * The left ventricle is a bullet around an axis, its wall of uneven thickness; the right ventricle is the part of
 * a second, wider bullet that lies outside the first, so that it is a crescent. Around them lie fat, lung, liver,
 * chest wall and aorta. An infarct is a sector of the wall that begins at the cavity and ends in a scar, the
 * oedema around it is wider and later gone, so each may be there without the other.
 *
 * @module
 */

import type { Random } from "../../tensor/random.ts";

/** All tissues of the phantom; what a voxel holds is an index into this list. */
export const heartTissues = [
  "lung",
  "air",
  "muscle",
  "fat",
  "liver",
  "gut",
  "blood", // outside the ventricles: aorta and veins
  "cavity",
  "slow", // cavity blood that hardly moves
  "papillary",
  "wall",
  "scar",
  "oedema",
  "acute", // scar inside oedema
  "right",
  "rightWall",
] as const;

/** A tissue's name. */
export type HeartTissue = typeof heartTissues[number];

/** The classes of the labels, and the tissues of each. Papillary muscles belong to the cavity, by convention. */
export const heartClasses: readonly { readonly name: string; readonly tissues: readonly HeartTissue[] }[] = [
  { name: "LV", tissues: ["cavity", "slow", "papillary"] },
  { name: "myocardium", tissues: ["wall", "scar", "oedema", "acute"] },
  { name: "RV", tissues: ["right"] },
];

/** A random heart in its own coordinates. */
export interface HeartAnatomy {
  /** Length of the left cavity from base to apex, in mm. */
  readonly length: number;
  /**
   * The tissue at a place, as an index into {@link heartTissues}.
   *
   * @param x mm from the axis of the left ventricle towards the septum
   * @param y mm from that axis across, towards the diaphragm
   * @param s mm below the base along the axis
   */
  tissueAt(x: number, y: number, s: number): number;
}

const turn = 2 * Math.PI;
const steps = 720;

/** A closed curve around 1: a table over the angle, from a few waves of falling height. */
function unevenness(random: Random, first: number, last: number, height: number): Float64Array {
  const table = new Float64Array(steps).fill(1);
  for (let n = first; n <= last; n++) {
    const amplitude = random.normal(0, height / n), phase = random.uniform(0, turn);
    for (let at = 0; at < steps; at++) table[at]! += amplitude * Math.cos(n * at * turn / steps + phase);
  }
  return table;
}

/** The entry of such a table for an angle in −π … π. */
const binOf = (angle: number) => Math.floor((angle / turn + 1) * steps) % steps;

/** Radius of a bullet of radius 1 at a share of its length: blunt at the base, closed at the apex. */
const bullet = (share: number) => share <= 0 ? 1 : share >= 1 ? 0 : Math.sqrt(1 - share * share);

const direction = (angle: number) => [Math.cos(angle), Math.sin(angle)] as const;

/** Between two points of the plane; without the care for overflow that makes `Math.hypot` slow. */
const distance = (x0: number, y0: number, x1: number, y1: number) =>
  Math.sqrt((x0 - x1) * (x0 - x1) + (y0 - y1) * (y0 - y1));

/** The absolute difference of two angles, at most half a turn. */
function angleBetween(a: number, b: number): number {
  const difference = Math.abs(a - b) % turn;
  return difference > turn / 2 ? turn - difference : difference;
}

/** Draws a heart. */
export function heartAnatomy(random: Random): HeartAnatomy {
  const shape = random.child("ventricles"),
    disease = random.child("disease"),
    around = random.child("around");
  const length = shape.uniform(68, 92), radius = shape.uniform(18, 27), thickness = shape.uniform(7.5, 12);
  const inner = unevenness(shape, 2, 5, 0.07), wall = unevenness(shape, 1, 4, 0.2);
  const outerLength = length + shape.uniform(6, 10);
  const bend = [shape.normal(0, 3), shape.normal(0, 3)] as const;
  const right = {
    length: length * shape.uniform(0.78, 0.95),
    reach: shape.uniform(20, 33),
    half: shape.uniform(32, 44),
    across: shape.normal(0, 5),
    edge: unevenness(shape, 2, 5, 0.12),
    wall: shape.uniform(2, 3.5),
  };
  const papillary = [1, -1].map((side) => ({
    angle: side * shape.uniform(1.7, 2.4),
    at: shape.uniform(0.5, 0.72),
    radius: shape.uniform(2.5, 4.5),
    from: shape.uniform(0.2, 0.35) * length,
    to: shape.uniform(0.65, 0.85) * length,
  }));
  const slowFrom = shape.uniform(0.45, 0.9) * length, slowWidth = shape.uniform(0.05, 0.18);

  const infarct = {
    angle: disease.uniform(0, turn),
    half: disease.uniform(0.35, 1.1),
    depth: disease.uniform(0.35, 1.1),
    from: disease.uniform(-0.2, 0.5) * length,
    to: disease.uniform(0.6, 1.2) * length,
    edge: unevenness(disease, 3, 7, 0.6),
  };
  const hasScar = disease.uniform() < 0.8, hasOedema = disease.uniform() < 0.7;
  const margin = disease.uniform(0.15, 0.4), marginMm = 25 * margin;

  const fat = unevenness(around, 1, 6, 0.9), fatThickness = around.uniform(2, 6);
  const chest = { angle: around.uniform(-0.9, 0.1), gap: around.uniform(2, 14), wall: around.uniform(9, 16) };
  const skin = around.uniform(8, 25);
  const liver = {
    angle: turn / 4 + around.uniform(-0.35, 0.35),
    gap: around.uniform(2, 16),
    rise: around.uniform(0.05, 0.25),
  };
  const gut = {
    angle: turn / 4 + around.uniform(0.7, 1.1),
    gap: around.uniform(8, 20),
    radius: around.uniform(14, 26),
  };
  const aorta = {
    angle: turn / 2 + around.uniform(-0.1, 0.7),
    gap: around.uniform(9, 17),
    radius: around.uniform(8, 12),
  };
  const veins = Array.from({ length: 3 }, () => ({
    along: around.uniform(-45, 45),
    deep: around.uniform(5, 30),
    radius: around.uniform(2, 5),
  }));

  const index = Object.fromEntries(heartTissues.map((name, at) => [name, at])) as Record<HeartTissue, number>;
  const outerRadius = radius + thickness;
  const outer = inner.map((value, at) => radius * value + thickness * wall[at]!);

  /** Left cavity and wall, if the place is inside them. */
  const leftAt = (rho: number, angle: number, bin: number, s: number, epi: number): number | undefined => {
    if (rho >= epi) return undefined;
    const endo = radius * inner[bin]! * bullet(s / length);
    if (rho < endo) {
      for (const { angle: at, at: share, radius: size, from, to } of papillary) {
        if (s < from || s > to) continue;
        const dx = rho * Math.cos(angle - at) - share * endo, dy = rho * Math.sin(angle - at);
        if (dx * dx + dy * dy < size * size) return index.papillary;
      }
      return s > slowFrom && rho > endo * (1 - slowWidth) ? index.slow : index.cavity;
    }
    const depth = (rho - endo) / (epi - endo), away = angleBetween(angle, infarct.angle);
    const scar = hasScar && s > infarct.from && s < infarct.to && away < infarct.half &&
      depth < infarct.depth * infarct.edge[bin]!;
    const oedema = hasOedema && s > infarct.from - marginMm && s < infarct.to + marginMm &&
      away < infarct.half + margin;
    return scar ? oedema ? index.acute : index.scar : oedema ? index.oedema : index.wall;
  };

  const chestWay = direction(chest.angle), chestAt = 0.93 * (outerRadius + right.reach + chest.gap);
  const liverWay = direction(liver.angle), liverAt = outerRadius + liver.gap;
  const round = ([["blood", aorta], ["gut", gut]] as const).map(([tissue, { angle, gap, radius: size }]) => {
    const [cosine, sine] = direction(angle), far = outerRadius + gap + size;
    return { tissue: index[tissue], x: far * cosine, y: far * sine, size };
  });

  /** What is around the heart, by the place and the distance from the heart's surface. */
  const aroundAt = (x: number, y: number, s: number, gap: number, bin: number): number => {
    const ahead = x * chestWay[0] + y * chestWay[1] - chestAt;
    if (ahead > chest.wall + skin) return index.air;
    if (ahead > chest.wall) return index.fat;
    if (ahead > 0) return index.muscle;
    if (gap < fatThickness * fat[bin]!) return index.fat;
    const below = x * liverWay[0] + y * liverWay[1] - liverAt + liver.rise * s;
    if (below > 0) {
      const side = y * liverWay[0] - x * liverWay[1];
      const inVein = (vein: typeof veins[number]) =>
        distance(side, below, vein.along, vein.deep) < vein.radius;
      return veins.some(inVein) ? index.blood : index.liver;
    }
    for (const one of round) if (distance(x, y, one.x, one.y) < one.size) return one.tissue;
    return index.lung;
  };

  return {
    length,
    tissueAt(px, py, s): number {
      const share = s / length;
      const x = px - bend[0] * share * share, y = py - bend[1] * share * share;
      const rho = Math.sqrt(x * x + y * y), angle = Math.atan2(y, x), bin = binOf(angle);
      const taper = bullet(s / outerLength), epi = outer[bin]! * taper;
      const left = leftAt(rho, angle, bin, s, epi);
      if (left !== undefined) return left;

      const rightTaper = bullet(s / right.length);
      const centre = 0.75 * outerRadius * taper;
      const reach = 0.25 * outerRadius * taper + right.reach * rightTaper;
      const half = right.half * rightTaper;
      const u = (x - centre) / reach, v = (y - right.across) / half;
      const edge = right.edge[binOf(Math.atan2(v, u))]!;
      const outside = half === 0 ? Infinity : (Math.sqrt(u * u + v * v) / edge - 1) * Math.min(reach, half);
      if (outside < 0) return index.right;
      if (outside < right.wall) return index.rightWall;
      return aroundAt(x, y, s, Math.min(rho - epi, outside - right.wall), bin);
    },
  };
}
