/** Whether two arrays hold the same numbers; unlike `deepEqual` it prints no difference, which for volumes takes minutes. */
export function sameBits(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!Object.is(a[at], b[at])) return false;
  return true;
}
