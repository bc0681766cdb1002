import type { Random } from "../../tensor/random.ts";

/** Names that break writers which trust their input, each for a reason of its own. */
export const hostileNames: readonly string[] = [
  "liver, left",
  'the "big" one',
  "two\nlines",
  "carriage\r\nreturn",
  "nul\u0000inside",
  "bell\u0007 and escape\u001b[31m",
  "[0] first in a row",
  "*starred",
  "a|b\\c~d^e_f#g$h%i&j{k}l",
  "--dash ,,quote ''tick ``back ?`!`",
  "<script>alert(1)</script>",
  "</title></svg><!-- ]]>",
  "&amp; &nbsp; \u00a0 non-breaking",
  "左腎 右腎",
  "Müller İstanbul ß",
  "Mu\u0308ller",
  "half \ud800 surrogate",
  "😀 beyond 16 bits",
  "\ufeffbyte order mark",
  "=1+1",
  "semi;colon\ttab",
  "constructor",
  "toString",
  "__proto__",
  "hasOwnProperty",
  "all",
  "-",
  " spaces around ",
  "\u202eright to left",
];

const pieces = [...hostileNames.flatMap((name) => [...name]), ..."abc,;\"'\n[]{}\\%$&_#<>|"];

/** A name of up to twelve characters drawn from the hostile ones. */
export function randomName(random: Random): string {
  return Array.from({ length: 1 + random.integer(12) }, () => pieces[random.integer(pieces.length)]!).join(
    "",
  );
}
