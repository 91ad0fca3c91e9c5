// Grouping and ordering, which the standard library has not.

// The values in groups of equal keys, in order of first appearance, as a Map.
export function groupBy(values, keyOf) {
  const groups = new Map();
  for (const value of values) {
    const key = keyOf(value);
    const own = groups.get(key);
    if (own) own.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

export function unique(values) {
  return [...new Set(values)];
}

export function byNumber(a, b) {
  return a - b;
}

export function byName(a, b) {
  return a < b ? -1 : Number(a > b);
}

// Compares by the place in a list; what is not in it comes last, by name.
export function byPlaceIn(list) {
  const place = (value) => (list.includes(value) ? list.indexOf(value) : list.length);
  return (a, b) => place(a) - place(b) || byName(a, b);
}

// Compares lists element by element.
export function byElements(a, b) {
  for (let i = 0; i < a.length; i++) {
    const order = typeof a[i] === "number" ? a[i] - b[i] : byName(a[i], b[i]);
    if (order) return order;
  }
  return 0;
}

// The values in the order of what `placeOf` says of each: a list of numbers and texts.
export function sortedBy(values, placeOf) {
  return Array.from(values, (value) => [placeOf(value), value]).sort(([a], [b]) => byElements(a, b))
    .map(([, value]) => value);
}

// The fields of an object as one text that can be compared and be a key.
export function keyOf(row, fields) {
  return JSON.stringify(fields.map((field) => row[field]));
}
