// Scales and ticks: from values to pixels, and which values are written at an axis.

// The range of the values with a factor around it, at least 1.5 wide so that it has a tick.
export function limits(values, margin) {
  const low = values.reduce((a, b) => Math.min(a, b)) / margin;
  const high = values.reduce((a, b) => Math.max(a, b)) * margin;
  const more = Math.max(1, Math.sqrt(1.5 * low / high));
  return [low / more, high * more];
}

export function logScale([low, high], from, to) {
  const at = (value) => from + (to - from) * Math.log(value / low) / Math.log(high / low);
  return Object.assign(at, { low, high });
}

export function linearScale([low, high], from, to) {
  const at = (value) => from + (to - from) * (value - low) / (high - low);
  return Object.assign(at, { low, high });
}

const STEPS = [[1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3],
  [1]];

// Round values of a logarithmic axis: the most that are at least `gap` pixels apart, down to 1, 2, 5 of
// each decade, then its beginning, then every second decade...
export function logTicks(scale, gap) {
  const [first, last] = [scale.low, scale.high].map((value) => Math.floor(Math.log10(value)));
  const decades = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const of = (steps, powers) => inside(scale, powers.flatMap((power) => steps.map(
    (step) => Number(`${step}e${power}`))));
  for (const steps of STEPS) {
    const found = of(steps, decades);
    if (areApart(scale, found, gap)) return found;
  }
  return thinnest(decades, (powers) => of([1], powers), scale, gap);
}

// Powers of two, the most that are at least `gap` pixels apart.
export function binaryTicks(scale, gap) {
  const [first, last] = [scale.low, scale.high].map((value) => Math.floor(Math.log2(value)));
  const powers = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  return thinnest(powers, (own) => inside(scale, own.map((power) => 2 ** power)), scale, gap);
}

function inside({ low, high }, values) {
  return values.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
}

function areApart(scale, values, gap) {
  return values.length > 0 && values.every((value, at) => at === 0
    || Math.abs(scale(value) - scale(values[at - 1])) >= gap);
}

// Of whole numbers those that are multiples of 1, 2, 4, 5, 10...: the first that leaves enough room.
function thinnest(numbers, toValues, scale, gap) {
  for (let decade = 1; ; decade *= 10) {
    for (const step of [1, 2, 4, 5].map((own) => own * decade)) {
      const found = toValues(numbers.filter((number) => number % step === 0));
      if (areApart(scale, found, gap) || found.length <= 1) return found;
    }
  }
}
