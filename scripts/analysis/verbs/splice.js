// Puts a summary between two markers of a page, with links to what lies below that page.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../core/errors.js";
import { environment } from "./programs.js";
import { reasonOf } from "./reasons.js";
import { linkPart } from "./format.js";

export const BEGIN = "<!-- normbench:begin -->";
export const END = "<!-- normbench:end -->";

// The bytes of the file with `summary` between the markers; all other bytes stay, and the lines between end
// as the marker's does. The file is not written. Throws UserError when it cannot be read, or has not one of
// each marker in order.
export function splice(place, summary) {
  let bytes;
  try {
    bytes = fs.readFileSync(place);
  } catch (error) {
    throw new UserError(`cannot read ${place}: ${reasonOf(error)}`);
  }
  const [from, to] = [bytes.indexOf(BEGIN), bytes.indexOf(END)];
  if (from < 0 || to < from || bytes.indexOf(BEGIN, from + 1) >= 0 || bytes.indexOf(END, to + 1) >= 0) {
    throw new UserError(`${place} needs one line ${BEGIN} and below it one line ${END}, add them where the `
      + "summary belongs");
  }
  const start = from + BEGIN.length;
  const end = bytes.subarray(start, start + 2).toString("latin1") === "\r\n" ? "\r\n" : "\n";
  const text = `${end}${summary.trim().replace(/\r?\n/g, end)}${end}`;
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(to)]);
}

// Relative link from a page to a target, if that lies below it and git does not ignore it; or null.
export function linkTo(page, target) {
  const folder = path.dirname(path.resolve(page));
  const link = path.relative(folder, path.resolve(target));
  if (link.startsWith("..") || path.isAbsolute(link)) return null;
  // A repository's own settings can name programs that git runs.
  const ignored = spawnSync("git", ["-c", "core.fsmonitor=false", "-C", folder, "check-ignore", "-q", "--", link],
    { stdio: "ignore", env: environment() }).status === 0;
  return ignored ? null : link.split(path.sep).map(linkPart).join("/");
}
