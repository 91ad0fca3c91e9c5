// How the numbers of a study come about, in words.
import { TARGET } from "./convergence.js";
import { MUCH } from "./findings.js";
import { shareText } from "./text.js";

// A list of sentences on the studies that there are: `found` is of findings.js.
export function studyMethod({ seed, seeds, backend }, found) {
  const [first] = found.convergence ?? [];
  return [
    ...(found.convergence || found.accuracies || found.networkLags ? [
      "The networks are small: three times Linear with 32 outputs, or twice Conv1d with 16 channels and 3 taps, "
        + "each with a norm and ReLU behind it, and a Linear to the ten classes. Group norm has 4 groups. They "
        + "learn 1,437 handwritten digits of 8 x 8 pixels by plain gradient descent on the cross entropy, in "
        + "f32, and are tested on 360 others, most of them by other hands (harness/study/data/README.md). The "
        + "Conv1d network sees the rows of pixels as channels.",
      `There are ${seeds} seeds, from ${seed} on: of weights and of the order of digits. Brackets hold intervals `
        + "of at least 95% over seeds, of the sign test for medians (steps, rates) and Student's t for means "
        + "(accuracies, losses, lags), each by itself: they are not corrected for their number.",
      `But for the cost no study reads a clock: a second run with the backend ${backend} on this machine leaves `
        + "the same bytes."] : []),
    first && `The target is a mean loss of ${TARGET} over ${first.rates[0].seeds[0].block} steps of `
      + `mini-batches of ${first.batch}, where a guess has 2.30, and steps are told in blocks of as many. A rate `
      + "is stable for a seed if its training ends at the target. Rates are about a factor of 3 apart, and so is "
      + "what can be told of the largest.",
    found.sameCurves && "Each backend trains by itself, from the same weights on the same digits. At each step "
      + "what its norms give (outputs, running statistics, gradients) is compared with the oracle of the "
      + "check on what they were given; all other layers are the same code. Roundings add up over the steps, "
      + "for which there is no bound: how far the losses are apart is measured. A ReLU whose input is nearly 0 "
      + "may fall on its other side.",
    found.accuracies && "Mini-batches of every size see as many digits, and the learning rate grows with the "
      + "size. Errors of statistics are those of the backend, for batches that are drawn with replacement, as "
      + "theory has it. What is lost by small mini-batches with this rule is not what is lost with a rate of "
      + "their own.",
    found.networkLags && "Lags are those of the first norm of the Linear network. The right statistics are those "
      + "of all training digits with the weights of the moment. The series is the weekly CO2 of Mauna Loa in "
      + "batches of a quarter of a year; its intervals are over years.",
    found.costs && "Cost is timing: forms are compared within rounds of one run, with the interval of the sign "
      + "test over rounds. A training step is forward, backward and the change of the weights. In inference "
      + "without a norm the ReLU is in the sweep of the layer's bias, as where the norm is folded. Backends with "
      + `a layout of their own convert within the time. More than ${shareText(MUCH)} of a step counts as much.`,
  ].filter(Boolean);
}
