// Fills the page from the OpenAPI document, and sends what the form says. Texts go in as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);

// What stands between backticks is code.
function write(node, text) {
  String(text).split("`").forEach((part, number) => {
    const code = number % 2 ? node.appendChild(document.createElement("code")) : node;
    code.append(part);
  });
}

function row(table, ...cells) {
  const line = byId(table).insertRow();
  for (const cell of cells) write(line.insertCell(), cell);
  return line;
}

function resolve(spec, schema) {
  return schema.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] : schema;
}

function fields(spec, schema, place) {
  for (const [name, part] of Object.entries(resolve(spec, schema).properties || {})) {
    const found = resolve(spec, part);
    const path = place + name;
    if (found.properties) fields(spec, found, `${path}.`);
    else if (found.items && resolve(spec, found.items).properties) fields(spec, found.items, `${path}.0.`);
    else row("fields", path, kind(found));
  }
}

function kind(schema) {
  if (schema.enum) return schema.enum.length > 8 ? "one of a list" : schema.enum.join(", ");
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  return schema.type === "array" ? "list" : String(schema.type);
}

async function show() {
  const spec = await (await fetch("/v1/openapi.json")).json();
  const operation = Object.values(spec.paths)[0].post;
  write(byId("about"), spec.info.description);
  byId("try").body.value = JSON.stringify(operation.requestBody.content["application/json"].example, null, 2);
  for (const each of operation.parameters) row("parameters", each.name, each.in, each.description);
  for (const [status, each] of Object.entries(operation.responses)) row("answers", status, each.description);
  fields(spec, spec.components.schemas.PlainEvent, "");
}

async function send(event) {
  event.preventDefault();
  const form = event.target;
  const headers = { "Content-Type": form.form.value };
  if (form.token.value) headers.Authorization = `Bearer ${form.token.value}`;
  if (form.key.value) headers["Idempotency-Key"] = form.key.value;
  if (form.strict.checked) headers.Prefer = "handling=strict";
  const query = form.validate.value ? `?validate=${form.validate.value}` : "";
  const path = `/v1/destinations/${encodeURIComponent(form.destination.value)}/events${query}`;
  try {
    const answer = await fetch(path, { method: "POST", headers, body: form.body.value, credentials: "omit" });
    byId("answer").textContent = `${answer.status}\n${JSON.stringify(await answer.json(), null, 2)}`;
  } catch (error) {
    byId("answer").textContent = `no answer: ${error.message}`;
  }
}

byId("try").addEventListener("submit", send);
show();
