// Standard output and error: whole, in what the terminal can show, and no error where the reader has left.
import fs from "node:fs";
import process from "node:process";
import { reasonOf } from "./reasons.js";

// Nobody reads stdout any more (fine), or it cannot be written (an error that was said).
export class ClosedStream extends Error {
  constructor(exitCode) {
    super("stdout is closed");
    this.exitCode = exitCode;
  }
}

const PLAIN = { "±": "+-", "…" : "...", "×": "x", "–": "-", "’": "'" };

// Whether the locale can show more than ASCII, by the variables in their order.
function isUnicode(environment = process.env) {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  return /utf-?8/i.test(locale);
}

// What a stream cannot hold is replaced.
export function encode(text, unicode = isUnicode()) {
  const whole = text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "?");
  return unicode ? whole : whole.replace(/[^\x00-\x7f]/gu, (letter) => PLAIN[letter] || "?");
}

// Writes to stdout. Throws ClosedStream.
export function write(text) {
  writeBytes(Buffer.from(encode(text)));
}

// Writes to stdout what is read by machines: UTF-8, whatever the locale.
export function writeExact(text) {
  writeBytes(Buffer.from(text));
}

// JSON to stdout: any letter can be written as an escape.
export function writeJson(value) {
  const text = `${JSON.stringify(value, null, 1)}\n`;
  writeBytes(Buffer.from(isUnicode() ? text : text.replace(/[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)));
}

function writeBytes(bytes) {
  try {
    writeAll(1, bytes);
  } catch (error) {
    if (error.code === "EPIPE") throw new ClosedStream(0);
    say(`normbench: error: cannot write to stdout: ${reasonOf(error)}\n`);
    throw new ClosedStream(1);
  }
}

function writeAll(stream, bytes) {
  for (let done = 0; done < bytes.length;) {
    try {
      done += fs.writeSync(stream, bytes, done);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

// Writes to stderr; where nobody listens, nothing happens.
export function say(text) {
  try {
    writeAll(2, Buffer.from(encode(text)));
  } catch { /* there is nobody to tell */ }
}

export function warn(message) {
  say(`normbench: warning: ${message}\n`);
}

// Columns of the terminal that stdout is, or of COLUMNS; unlimited where it is neither.
export function terminalWidth() {
  const told = Number(process.env.COLUMNS);
  return process.stdout.columns || (Number.isInteger(told) && told > 0 ? told : Infinity);
}
