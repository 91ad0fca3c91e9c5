// How the numbers came about, what the words mean, what biases them, and how to get them again.
import { BIASES, methodTexts } from "../../core/method.js";
import { ceilingTable } from "../../tables/relative.js";
import { command, definitions, element, list } from "../dom.js";
import { nothing } from "../names.js";
import { command as ownCommand } from "../state.js";
import { show } from "../tables.js";

const WORDS = [
  ["the best", "the fastest ranked backend of a case; rank among says who can be it, show who is listed"],
  ["ratio", "a time divided by another of the same case: 2 takes twice as long"],
  ["mean (worst)", "geometric mean of the ratios over shapes, and the largest of them"],
  ["ncl, nlc", "layout: (N, C, L) with positions contiguous, PyTorch's default; channels last"],
  ["N, C, L, B, G", "samples, channels, positions (1 for (N, C) data), mini-batch, groups of channels"],
  ["L1, L2, L3, DRAM", "regime: the smallest cache of the threads in which the data fits"],
  ["warm, cold", "whether the data was used just before, or swept out of the caches"],
  ["noise floor", "how much a backend differs from itself, measured twice in the same rounds"],
  ["bound", "the least time that the pass can take, by the copy and the read of the same data"],
];

export function methodSection(view) {
  const { run } = view;
  const copies = ceilingTable(run);
  return [
    list(methodTexts(view)),
    element("h3", {}, "Words"), definitions(WORDS),
    element("h3", {}, "Biases"), list(BIASES),
    element("h3", {}, "Measured copies"),
    copies ? show(view, copies, { section: "method" }) : nothing("No copies were measured in this run."),
    element("h3", {}, "Raw data and commands"),
    definitions([["run folder", run.path],
      ["files", "run.json (machine, build, config), samples.jsonl (a row per case and backend with its "
        + "samples), controls.jsonl (copies and A/A twins)"],
      ["config", String(run.config.path || "–")],
      ["the run", Array.isArray(run.meta.command) ? command(run.meta.command.join(" ")) : "–"],
      ["this page", command(ownCommand)]])];
}
