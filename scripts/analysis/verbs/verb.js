// Finds the verb, parses its options, and is the only place that prints errors.
import { UserError } from "../core/errors.js";
import { shellWord } from "../core/text.js";
import { helpText, parseOptions } from "./options.js";
import { ClosedStream, say, write } from "./streams.js";

const EXIT = { fine: 0, internal: 1, usage: 2 };
const VERBS = ["compare", "rank", "diff", "report", "export"];

// Runs the verb in words[0] and returns the exit code. A verb is a module with VERB, ABOUT, ARGUMENTS,
// OPTIONS and run(options, command), which returns an exit code; only the one that runs is loaded. `command` is
// what was typed, to be pasted in a shell.
export async function main(words) {
  try {
    if (!VERBS.includes(words[0])) {
      throw new UserError(`${words.length ? `unknown verb '${words[0]}'` : "no verb given"}, use one of: ${
        VERBS.join(", ")}`);
    }
    const verb = await import(`./${words[0]}.js`);
    const options = parseOptions(verb, words.slice(1));
    if (!options) {
      write(helpText(verb));
      return EXIT.fine;
    }
    return verb.run(options, ["normbench", ...words].map(shellWord).join(" "));
  } catch (error) {
    if (error instanceof ClosedStream) return error.exitCode;
    if (error instanceof UserError) {
      say(`normbench: error: ${error.message}\n`);
      return EXIT.usage;
    }
    say(`normbench: error: ${error.code ? error.message : error.stack}\n`);
    return EXIT.internal;
  }
}
