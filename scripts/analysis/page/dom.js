// Makes elements. Text from the data only ever becomes text, never markup.
const SVG = "http://www.w3.org/2000/svg";

// Attributes that are functions are event handlers; null attributes and children are left out.
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...present(children));
  return made;
}

export function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

// The SVG of a tree {tag, attributes, children}.
export function vector({ tag, attributes = {}, children = [] }) {
  return filled(document.createElementNS(SVG, tag), attributes,
    children.map((child) => (typeof child === "object" && child !== null ? vector(child) : child)));
}

// Text in which names stand between backticks and what matters between two asterisks.
export function prose(text) {
  return text.split(/(`[^`]*`|\*\*.*?\*\*)/).filter(Boolean).map((part) => {
    if (/^`.*`$/s.test(part)) return element("code", {}, part.slice(1, -1));
    return /^\*\*.*\*\*$/s.test(part) ? element("strong", {}, part.slice(2, -2)) : part;
  });
}

export function paragraph(...children) {
  return element("p", {}, ...children);
}

export function note(text, attributes = {}) {
  return element("p", { class: "note", ...attributes }, ...prose(text));
}

export function list(texts, attributes = {}) {
  return element("ul", attributes, texts.map((text) => element("li", {}, text)));
}

// Details whose content is made when they are first opened.
export function folded(summary, attributes, make) {
  const details = element("details", attributes, element("summary", {}, summary));
  const fill = () => {
    if (!details.open || details.childElementCount > 1) return;
    details.append(...present([make()]));
  };
  details.addEventListener("toggle", fill);
  details.fill = fill;
  fill();
  return details;
}

// Opens all that is folded, and what is folded in that.
export function openAll(parent, selector) {
  for (let found; (found = parent.querySelector(`details:not([open])${selector}`));) {
    found.open = true;
    if (found.fill) found.fill();
  }
}

export function choice(id, label, options, chosen, onChange) {
  const select = element("select", { id, change: (event) => onChange(event.target.value) },
    options.map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  return element("label", { class: "choice", for: id }, element("span", {}, label), select);
}

export function controls(...children) {
  return element("div", { class: "controls" }, ...children);
}

export function definitions(facts) {
  return element("dl", { class: "facts" }, facts.map(
    ([label, content]) => [element("dt", {}, label), element("dd", {}, content)]));
}

export function copyButton(text, label = "copy", name = null) {
  const button = element("button", { type: "button", class: "small copy", title: text, "aria-label": name },
    label);
  button.addEventListener("click", async () => {
    button.textContent = await copied(text) ? "copied" : "press Ctrl+C";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

// Browsers refuse the clipboard to some local files, then the text is only selected.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { class: "offscreen", readonly: true }, text);
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function command(text) {
  return element("span", { class: "command" }, element("code", {}, text), " ", copyButton(text));
}
