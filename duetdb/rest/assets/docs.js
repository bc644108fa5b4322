"use strict";

// Shows /openapi.json and lets every operation be tried. All text from the
// description is set as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];
const byId = (id) => document.getElementById(id);
let description = null;

function make(tag, props = {}, ...children) {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children.filter((each) => each !== null));
  return made;
}

function resolved(part) {
  if (!part || !part.$ref) return part;
  return part.$ref.slice(2).split("/").reduce((found, step) => found && found[step], description);
}

function typeOf(schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  const kinds = [].concat(schema.type || "any");
  return kinds.map((kind) => (kind === "array" ? `[${typeOf(schema.items)}]` : kind)).join(" or ");
}

function example(schema, depth = 0) {
  const found = resolved(schema) || {};
  if ("default" in found) return found.default;
  if (found.examples) return found.examples[0];
  if (found.enum) return found.enum[0];
  if (found.anyOf) return example(found.anyOf[0], depth);
  const kind = [].concat(found.type || "object")[0];
  if (kind === "array") return depth > 3 ? [] : [example(found.items, depth + 1)];
  if (kind === "object") {
    const entries = Object.entries(found.properties || {}).filter(([, each]) => !each.readOnly);
    if (depth > 3) return {};
    return Object.fromEntries(entries.map(([name, each]) => [name, example(each, depth + 1)]));
  }
  return { string: "", integer: 0, number: 0, boolean: false }[kind] ?? null;
}

function table(head, rows) {
  if (!rows.length) return null;
  const row = (cells, tag) => make("tr", {}, ...cells.map((cell) => make(tag, {}, cell)));
  return make("table", {}, row(head, "th"), ...rows.map((cells) => row(cells, "td")));
}

function properties(schema) {
  const found = resolved(schema);
  const list = found && (found.anyOf ? found.anyOf.map(resolved).find((each) => each && each.properties) : found);
  if (!list || !list.properties) return null;
  const required = new Set(list.required || []);
  return table(
    ["property", "type", ""],
    Object.entries(list.properties).map(([name, each]) => [
      name + (required.has(name) ? " *" : ""), typeOf(each), each.description || "",
    ]),
  );
}

function sender(path, method, inputs, body) {
  const output = make("pre", { hidden: true });
  const button = make("button", { type: "button", textContent: "Send" });
  button.addEventListener("click", async () => {
    const query = new URLSearchParams();
    const headers = { "x-apikey": byId("key").value };
    let address = path;
    for (const [parameter, input] of inputs) {
      if (!input.value) continue;
      if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (parameter.in === "header") headers[parameter.name] = input.value;
      else query.append(parameter.name, input.value);
    }
    const options = { method: method.toUpperCase(), headers };
    if (body && body.value.trim()) {
      options.body = body.value;
      headers["content-type"] = "application/json";
    }
    output.hidden = false;
    try {
      const answer = await fetch(address + (query.size ? `?${query}` : ""), options);
      output.textContent = `${answer.status}\n${pretty(await answer.text())}`;
    } catch (error) {
      output.textContent = String(error);
    }
  });
  return [button, output];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function details(path, method, operation, shared) {
  const parameters = [...shared, ...(operation.parameters || [])].map(resolved);
  const inputs = parameters.map((each) => [each, make("input", { ariaLabel: each.name })]);
  const sent = operation.requestBody && operation.requestBody.content["application/json"].schema;
  const body = sent ? make("textarea", { rows: 8, value: JSON.stringify(example(sent), null, 2) }) : null;
  const answers = Object.entries(operation.responses).map(([status, each]) => {
    const found = resolved(each);
    return [status, found.description, typeOf(found.content["application/json"].schema)];
  });
  const success = Object.entries(operation.responses).find(([status]) => status.startsWith("2"));
  return make("div", {},
    table(["parameter", "value", ""], inputs.map(([each, input]) => [
      `${each.name} (${each.in})`, input, each.description || "",
    ])),
    sent ? make("h4", { textContent: "Body" }) : null, sent ? properties(sent) : null, body,
    ...sender(path, method, inputs, body),
    make("h4", { textContent: "Answers" }), table(["status", "", "type"], answers),
    success ? properties(resolved(success[1]).content["application/json"].schema) : null);
}

function operationOf(path, method, item) {
  const operation = item[method];
  const summary = make("summary", {},
    make("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
    make("code", { textContent: path }),
    make("span", { className: "about", textContent: operation.summary }));
  const shown = make("details", {}, summary);
  // Filled when opened: a database may have thousands of operations.
  shown.addEventListener("toggle", () => {
    if (shown.open && shown.children.length === 1) {
      shown.append(details(path, method, operation, item.parameters || []));
    }
  });
  return shown;
}

function render() {
  const wanted = byId("find").value.toLowerCase();
  const sections = new Map();
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((each) => item[each])) {
      const tag = item[method].tags[0];
      if (!`${tag} ${path}`.toLowerCase().includes(wanted)) continue;
      if (!sections.has(tag)) sections.set(tag, make("section", {}, make("h2", { textContent: tag })));
      sections.get(tag).append(operationOf(path, method, item));
    }
  }
  byId("operations").replaceChildren(...sections.values());
}

async function load(event) {
  event?.preventDefault();
  const note = byId("note");
  try {
    const answer = await fetch("/openapi.json", { headers: { "x-apikey": byId("key").value } });
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${body.message} ${body.hint || ""}`);
    description = body;
    byId("version").textContent = `schema ${body.info.version}`;
    note.textContent = body.info.description;
    render();
  } catch (error) {
    note.textContent = error.message;
  }
}

byId("access").addEventListener("submit", load);
byId("find").addEventListener("input", () => description && render());

// A key in the address is taken over, and taken out of the address and its history.
const given = new URLSearchParams(location.search).get("apikey");
if (given) {
  byId("key").value = given;
  history.replaceState(null, "", location.pathname);
  load();
}
