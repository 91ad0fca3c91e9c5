// Entry: `node main.js VERB ...` runs one verb of the analysis.
import process from "node:process";

const OLDEST = 18;

if (Number(process.versions.node.split(".")[0]) < OLDEST) {
  process.stderr.write(`normbench: error: Node.js ${process.versions.node} is too old, ${OLDEST} or later is `
    + "needed: name another one in NORMBENCH_NODE\n");
  process.exitCode = 2;
} else {
  const { main } = await import("./verbs/verb.js");
  process.exitCode = await main(process.argv.slice(2));
}
