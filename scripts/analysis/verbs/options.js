// The options of the verbs: parsed, explained, and the filters that all of them share.
import { parseArgs } from "node:util";
import { UserError } from "../core/errors.js";
import { AMONG, applyPatterns, backendsOf } from "../core/filters.js";
import { makeView } from "../core/view.js";
import { warn } from "./streams.js";

export const FILTERS = {
  backend: { type: "string", short: "b", multiple: true, value: "REGEX",
    text: "show only backends that match; who is best stays" },
  "without-backend": { type: "string", short: "B", multiple: true, value: "REGEX",
    text: "do not show backends that match" },
  filter: { type: "string", short: "f", multiple: true, value: "REGEX",
    text: "only cases whose id or name matches" },
  without: { type: "string", short: "F", multiple: true, value: "REGEX",
    text: "no cases whose id or name matches" },
};
export const RANKED = {
  among: { type: "string", value: "WHO",
    text: "who is ranked: all, libraries, without-ours, or backends separated by commas" },
};
export const FORMAT = (...formats) => ({
  format: { type: "string", value: formats.join("|"), default: formats[0], choices: formats,
    text: `what is printed: ${formats.join(", ")}` },
});
const HELP = { help: { type: "boolean", short: "h", text: "print this" } };
const FLAGS = { backend: "-b", withoutBackend: "-B", case: "-f", withoutCase: "-F" };

// {name: value, arguments: [word, ...]}, or null when help is asked for. Throws UserError for what the verb
// does not know.
export function parseOptions(verb, words) {
  const known = { ...verb.OPTIONS, ...HELP };
  const prefer = (message) => new UserError(`${message}, see 'normbench ${verb.VERB} --help'`);
  let parsed;
  try {
    parsed = parseArgs({ args: words, allowPositionals: true, tokens: true,
      options: Object.fromEntries(Object.entries(known).map(([name, { type, short, multiple }]) => [name,
        { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) }])) });
  } catch (error) {
    throw prefer(error.message.split(/\. To specify|\. Did you/)[0].replace(/\.$/, ""));
  }
  if (parsed.values.help) return null;
  for (const [name, { choices, multiple, default: otherwise }] of Object.entries(known)) {
    if (parsed.values[name] === undefined) parsed.values[name] = multiple ? [] : otherwise;
    if (choices && !choices.includes(parsed.values[name])) {
      throw prefer(`--${name} '${parsed.values[name]}' is none of ${choices.join(", ")}`);
    }
  }
  const terminator = parsed.tokens.findIndex(({ kind }) => kind === "option-terminator");
  const before = terminator < 0 ? null
    : parsed.tokens.slice(0, terminator).filter(({ kind }) => kind === "positional").length;
  const { most, least, what } = verb.ARGUMENTS;
  if (parsed.positionals.length < least || parsed.positionals.length > most) {
    throw prefer(`${parsed.positionals.length > 1 ? `${parsed.positionals.length} folders were given`
      : parsed.positionals.length ? "only one folder was given" : "no folder was given"}, `
      + `expected ${what}`);
  }
  return { ...parsed.values, arguments: parsed.positionals, before };
}

export function helpText(verb) {
  const lines = Object.entries({ ...verb.OPTIONS, ...HELP }).map(([name, { short, value, text, multiple }]) => [
    `  ${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`,
    `${text}${multiple ? "; may be given several times" : ""}`]);
  const width = Math.max(...lines.map(([flag]) => flag.length)) + 2;
  return `normbench ${verb.VERB} ${verb.ARGUMENTS.what} [OPTIONS]\n\n${verb.ABOUT}\n\n${
    lines.map(([flag, text]) => flag.padEnd(width) + text).join("\n")}\n`;
}

// The view of a run that the options ask for.
export function viewOf(run, options) {
  const { rows, shown } = patternsOf(run, options);
  return makeView(run, { rows, shown, among: amongOf(run, options.among), baseline: options.baseline ?? null });
}

// {rows, shown} of applyPatterns; what matches nothing and may is a warning.
export function patternsOf(run, options) {
  const { rows, shown, warnings } = applyPatterns(run, { backend: options.backend,
    withoutBackend: options["without-backend"], case: options.filter, withoutCase: options.without }, FLAGS);
  warnings.forEach(warn);
  return { rows, shown };
}

function amongOf(run, given = "all") {
  if (AMONG[given]) return given;
  const names = given.split(",");
  const backends = backendsOf(run.rows);
  const unknown = names.find((name) => !backends.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`--among '${unknown}' is none of ${Object.keys(AMONG).join(", ")}, and no backend of `
      + `${run.path}, there are: ${backends.join(", ")}`);
  }
  return names;
}
