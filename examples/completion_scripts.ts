/**
 * Completion scripts of the shells, as text. Each handles `deno task …` alone, and leaves the rest to what completed
 * `deno` before.
 *
 * @module
 */

import { commonOptions, type Option } from "./command.ts";

/** A task, with its options where they are known. */
export interface Word {
  /** As it is typed. */
  readonly name: string;
  /** What it does. */
  readonly help: string;
  /** Its options, besides those that every command has. */
  readonly options: Readonly<Record<string, Option>> | undefined;
}

type OptionRow = Option & { readonly name: string };

/** All options of a task; none of one that is no command. */
function optionsOf({ options }: Word): OptionRow[] {
  const all = options === undefined ? {} : { ...options, ...commonOptions };
  return Object.entries(all).map(([name, option]) => ({ name, ...option }));
}

/** Whether the value of an option is a path. */
const takesPath = ({ value = "" }: Option) => /FILE|DIR|RUN/.test(value);

/** A word that a shell takes as it is. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function bash(words: readonly Word[]): string {
  const cases = words.map((word) => {
    const rows = optionsOf(word);
    const blind = rows.filter((row) => row.value !== undefined && !takesPath(row));
    return `    ${word.name}) options=${quoted(rows.map(({ name }) => `--${name}`).join(" "))} blind=${
      quoted(` ${blind.map(({ name }) => `--${name}`).join(" ")} `)
    } ;;`;
  });
  return `_cmc_before=\${_cmc_before-$(complete -p deno 2>/dev/null | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')}
_cmc() {
  if [[ \${COMP_WORDS[1]} != task || $COMP_CWORD -lt 2 ]]; then
    [[ -n $_cmc_before ]] && "$_cmc_before" "$@"
    return
  fi
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} options= blind=
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 2 ]]; then
    COMPREPLY=($(compgen -W ${quoted(words.map(({ name }) => name).join(" "))} -- "$word"))
    return
  fi
  case \${COMP_WORDS[2]} in
${cases.join("\n")}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [[ $blind != *" $before "* ]]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _cmc deno`;
}

function zsh(words: readonly Word[]): string {
  const plain = (text: string) => text.replaceAll(/[\[\]:\\]/g, "\\$&");
  const row = ({ name, help, value, multiple, ...option }: OptionRow) => {
    const argument = value === undefined
      ? ""
      : `:${plain(value)}:${takesPath({ help, value, ...option }) ? "_files" : ""}`;
    return quoted(`${multiple ? "*" : ""}--${name}[${plain(help)}]${argument}`);
  };
  const cases = words.map((word) =>
    `    ${word.name}) _arguments ${[...optionsOf(word).map(row), "'*:file:_files'"].join(" \\\n      ")} ;;`
  );
  return `_cmc_before=\${_cmc_before-\${_comps[deno]}}
_cmc() {
  if [[ \${words[2]} != task || $CURRENT -lt 3 ]]; then
    [[ -n $_cmc_before ]] && $_cmc_before "$@"
    return
  fi
  if (( CURRENT == 3 )); then
    local -a tasks=(
${words.map(({ name, help }) => `      ${quoted(`${name}:${plain(help)}`)}`).join("\n")}
    )
    _describe task tasks
    return
  fi
  local task=\${words[3]}
  words=("\${(@)words[3,-1]}")
  (( CURRENT -= 2 ))
  case $task in
${cases.join("\n")}
  esac
}
compdef _cmc deno`;
}

function fish(words: readonly Word[]): string {
  const names = words.map(({ name }) => name).join(" ");
  const inTask = (condition: string) => quoted(`__fish_seen_subcommand_from task; and ${condition}`);
  // Asking once makes fish load what it has for deno; loaded later, that would take the place of ours.
  const rows = words.flatMap((word) => [
    `complete -c deno -f -n ${inTask(`not __fish_seen_subcommand_from ${names}`)} -a ${word.name} -d ${
      fishQuoted(word.help)
    }`,
    ...optionsOf(word).map((row) =>
      `complete -c deno -n ${inTask(`__fish_seen_subcommand_from ${word.name}`)} -l ${row.name} -d ${
        fishQuoted(row.help)
      }${row.value === undefined ? "" : takesPath(row) ? " -r -F" : " -x"}`
    ),
  ]);
  return ["complete -C 'deno ' >/dev/null", ...rows].join("\n");
}

/** fish escapes quotes and backslashes within quotes. */
const fishQuoted = (text: string) => `'${text.replaceAll(/['\\]/g, "\\$&")}'`;

/** The script of each shell. */
export const scripts: Readonly<Record<string, (words: readonly Word[]) => string>> = { bash, zsh, fish };
