// How the numbers come about and what biases them, in words: the same in the report and on the page.
import { roundsDiffer } from "./cases.js";
import { countText } from "./text.js";

export function methodTexts(view) {
  return [
    "Each row is checked against a double-precision oracle before and after timing; what fails gets no time.",
    "The backends of a case run next to each other in rounds of shuffled order. A time is the median over rounds; "
      + "a ratio is the median of the log ratios per round, with the exact sign-test interval of at least "
      + "95%, per comparison and not corrected for their number. Fewer than 6 rounds: no claim.",
    roundsDiffer(view.rows) ? "A backend that is clearly behind got the least number of rounds, and is "
      + "compared over these." : "",
    "Tied: the interval spans 1, or the ratio is below the noise floor, which comes from measuring one "
      + "backend twice (A/A). The noise floor is that of the whole run.",
    "Means are geometric, over the cases in which every ranked backend was timed, within one norm, pass, "
      + "type, layout, number of threads, cache state and input. From 6 cases on their interval is Student's "
      + "t at 95% over the log ratios of the cases. 2 to 5 cases are too few: there is a range, and no "
      + "winner. One case has its own interval.",
    "The best is sought among the ranked backends that take the data as it is. Native layout: the data was "
      + "converted, untimed, into the library's own layout; such a backend gets a ratio but no rank. The best "
      + "of a case has the lowest median; a ratio is the median of the ratios per round, so that of another "
      + "can be a little below 1.",
    "GB/s is effective: compulsory bytes / time. The copy is one of an input-sized tensor in the same rounds, "
      + "which reads and writes it once.",
    view.rows.some((row) => row.bound_ns !== null) ? "The bound is the least time that the pass can take: the "
      + "copy, scaled to the bytes of the pass, or where the data is read twice from one cache, the copy and "
      + "the control that only reads." : "",
  ].filter(Boolean);
}

export const BIASES = [
  "simd, openmp and naive are written by the authors of this suite, who know what it measures. The checks, "
    + "compiler flags and rounds are the same for all.",
  "The shapes are those of the config. A backend may lead here and not on other shapes.",
  "One machine, one build, one hour: another CPU has other caches and other winners.",
];

// What a section says when it has nothing to show: the config that would fill it.
export const EMPTY = {
  kernels: "No backend here named a kernel.",
  cliffs: "None: no row takes more than twice as long as the best of its case, its neighbors in size or another "
    + "spelling of its data, and none runs a reference kernel. configs/cliffs.toml looks for them.",
  threads: "No case was timed with several numbers of threads: run a config with --threads 1,2.",
  batches: "No shape was timed both whole and in mini-batches: configs/inference.toml does that.",
  norms: "No shape was timed with several norms: configs/baselines.toml does that.",
  types: "No shape was timed in f32 and in another type: configs/dtypes.toml does that.",
  layouts: "No shape was timed in ncl and nlc: configs/layouts.toml does that.",
  price: "No norm was timed beside the identity, none: configs/baselines.toml does that.",
  versions: "No library is here in two versions.",
  reading: "No two backends were timed both with and without a read of their output behind each call: "
    + "configs/streaming.toml does that.",
  bandwidth: "No timed row says how many bytes it moves.",
  accuracy: "Nothing was checked.",
  gaps: "None: every backend was timed in every case.",
};

// The cliffs' definition.
export const CLIFF_TEXT = "A row is a cliff when it takes more than twice as long as something that it should "
  + "not: the best of its case; its neighbors in size, per element (of the same backend and setting, the "
  + "median of the two next smaller and larger shapes); or the same data in another spelling, by the same "
  + "backend. A spelling is another (N, L) with the same C and N * L, another layout, or another type (per "
  + "byte). A reference kernel is a cliff too.";

// Of ratios between cases, which a run does not time side by side.
export const APART = "Not measured in the same rounds, so there is no interval.";

// Of cases whose calls are followed by a read of the output.
export const NEXT_TEXT = "The output of a call is what the next layer reads. Stores that go around the caches "
  + "leave it in memory, and the time of the call alone does not show what that costs. Here each call is timed "
  + "with a read of all of its output behind it, by the same code for all. What the read adds is the time with it "
  + "as a ratio to the time without; these two were not measured in the same rounds.";

// `withoutControl` counts the cases that have no control.
export function priceText(withoutControl) {
  const rest = withoutControl ? ` ${countText(withoutControl, "case")} without it are left out.` : "";
  return "The time of a norm divided by that of the control none, the identity (y = x, dx = dy), by whichever "
    + "backend is fastest at that on the same shape: 1 is a norm for nothing, and backward, where a norm reads "
    + `x too, 1.5 is the traffic alone. ${APART}${rest}`;
}

export const ACCURACY_TEXT = "Error: the worst over all outputs and cases, in units of the bound that is derived "
  + "for it, so that 1 is the limit. Ulp: the largest absolute error of an output, divided by the spacing of "
  + "its storage type at the largest value expected. A and B are the grades that backends claim: A forms y "
  + "centered, (x - mean) * rstd * gamma + beta; B folded, x * scale + shift, which loses digits where the "
  + "mean is large against the deviation.";
