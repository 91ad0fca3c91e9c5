// Makes elements. Text from the data only ever becomes text, never markup.
"use strict";

// Attributes that are functions are event handlers; null attributes and children are left out.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  append(made, children);
  return made;
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) parent.append(child);
  }
}

// Text in which names stand between backticks.
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function paragraph(...children) {
  return element("p", {}, ...children);
}

function note(text) {
  return element("p", { class: "note" }, ...prose(text));
}

function folded(summary, attributes, ...children) {
  return element("details", attributes, element("summary", {}, summary), ...children);
}

// Details whose content is made when they are first opened.
function lazily(summary, attributes, make) {
  const details = folded(summary, attributes);
  const fill = () => {
    if (!details.open || details.dataset.filled) return;
    details.dataset.filled = "yes";
    append(details, [make()]);
  };
  details.addEventListener("toggle", fill);
  details.fill = fill;
  fill();
  return details;
}

function choice(id, label, options, chosen, onChange) {
  const select = element("select", { id, change: (event) => onChange(event.target.value) },
    options.map(([value, text]) => element("option", { value, selected: value === chosen }, text)));
  return element("label", { class: "choice", for: id }, element("span", {}, label), select);
}

function copyButton(text) {
  const button = element("button", { type: "button", class: "small", title: text }, "copy");
  button.addEventListener("click", async () => {
    button.textContent = await copied(text) ? "copied" : "press Ctrl+C";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
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

function command(text) {
  return element("span", { class: "command" }, copyButton(text), " ",
    element("code", { title: text }, text));
}

function jumpTo(id) {
  const target = document.getElementById(id);
  if (!target) return;
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}

// A link inside the page that leaves the state in the address alone.
function jump(id, ...children) {
  return element("a", { href: `#${id}`, "data-jump": id }, ...children);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-jump]");
  if (!link) return;
  event.preventDefault();
  jumpTo(link.dataset.jump);
});
