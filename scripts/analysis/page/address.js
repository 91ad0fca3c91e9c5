// The choices of a reader as the part of an address after #, which `fromHash` of state.js reads.
import { FACETS } from "../core/filters.js";

// `values`, `shown` and `among` as makeView and chooseCases take them; `run` is null for the last one, `picked`
// has what is chosen inside sections.
export function toAddress({ section = "", run = null, values = {}, shown = null, among = "all", text = "",
  baseline = null, picked = {} }) {
  const parts = new URLSearchParams();
  const many = (key, names) => {
    names.forEach((name) => parts.append(key, name));
    if (!names.length) parts.append(`no.${key}`, "");
  };
  if (section) parts.set("in", section);
  if (run !== null) parts.set("run", run);
  for (const facet of FACETS) if (values[facet]) many(facet, values[facet]);
  if (shown) many("show", [...shown]);
  if (Array.isArray(among)) many("rank", among);
  else if (among !== "all") parts.set("among", among);
  if (text) parts.set("text", text);
  if (baseline !== null) parts.set("baseline", baseline);
  for (const [key, value] of Object.entries(picked)) parts.set(`pick.${key}`, value);
  return `#${parts}`;
}
