// Which groups and backends a picture has, and how its panels are called.
import { answerTable } from "../core/answer.js";
import { apartBackends } from "../core/cases.js";
import { byElements, byPlaceIn, groupBy, keyOf, unique } from "../core/collections.js";
import { isOf, KIND, kindTitle, titlesIn } from "../core/groups.js";

const LEAST_PANEL = 190; // pixels

// The groups that get a panel: all passes at the most threads, then at the fewest. With one number of
// threads, the second cache state is the second row.
export function panelGroups(groups) {
  if (!groups.length) return [];
  const [{ keys: { input, then, cache: first } }] = groups;
  const own = groups.filter(({ keys }) => keys.input === input && keys.then === then);
  const settings = [...groupBy(own, ({ keys }) => keyOf(keys, ["cache", "threads"])).values()]
    .map(([{ keys: { cache, threads } }]) => [Number(cache !== first), -threads, cache]).sort(byElements);
  const same = settings.filter(([isOther]) => !isOther);
  return unique([settings[0], same.length > 1 ? same.at(-1) : settings.at(-1)]).flatMap(
    ([, threads, cache]) => own.filter(({ keys }) => keys.threads === -threads && keys.cache === cache));
}

// Those of the first setting: at the most threads.
export function firstSetting(groups) {
  const panels = panelGroups(groups);
  return panels.filter(({ keys }) => ["threads", "cache"].every((key) => keys[key] === panels[0].keys[key]));
}

// The group with its rows, which those of view.whole have not.
export function withRows(view, { keys }) {
  return { keys, rows: view.timed.filter(isOf({ keys })) };
}

// The backends that are drawn, from fast to slow as in the ranking, then what is not in it; which are hollow.
export function backendsIn(view, groups, ids) {
  const ranking = answerTable(view, groups).columns.map(({ backend }) => backend);
  return { backends: unique(ids).sort(byPlaceIn(ranking)),
    native: apartBackends(groups.flatMap((group) => withRows(view, group).rows)) };
}

// So that the fastest are drawn last, on top.
export function slowestFirst(list, backends) {
  return [...list].sort((a, b) => backends.indexOf(b.backend) - backends.indexOf(a.backend));
}

// So many columns that a row holds the items of one setting, or half of them, or one.
export function columnsFor(groups, width, left) {
  const passes = new Set(groups.map(({ keys }) => keys.pass)).size;
  const most = Math.max(1, Math.floor((width - left) / LEAST_PANEL));
  return Array.from({ length: passes }, (_, at) => passes - at).find((count) => passes % count === 0
    && count <= most);
}

export function panelTitles(groups) {
  const all = groups.map(({ keys }) => keys);
  return all.map(titlesIn(all, KIND));
}

// `batch norm, f32, ncl`.
export function kindText(groups) {
  return kindTitle(groups[0].keys);
}
