// Joins GraphiQL to this server: the key, the fetcher and the first query.
// The key lives in this tab's session storage and nowhere else.

import { exampleFor } from "/graphql/assets/example.js";
import { storage } from "/graphql/assets/storage.js";

const KEY = "duetdb.key";
const EMPTY = "# Enter a key above: the schema and\n# a first query come with it.\n";
const byId = (id) => document.getElementById(id);

let example = EMPTY;
// The text to put into the editor; undefined leaves what stands there.
let query;

/** Sends operations with `key`; what is written under Headers comes on top. */
function fetcherFor(key) {
  return async (operation, { headers } = {}) => {
    const answer = await fetch("/graphql", {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json", "x-apikey": key, ...headers },
      body: JSON.stringify(operation),
    });
    const body = await answer.json();
    byId("note").textContent = answer.ok ? "" : body.errors?.[0].message;
    return body;
  };
}

/** Shows GraphiQL, which reads the schema anew whenever the fetcher is another one. */
function render(key, fetcher) {
  const onSchemaChange = (schema) => {
    if (example !== EMPTY) return;
    example = exampleFor(schema);
    // It takes the place of nothing, never of what was written, now or at the last visit.
    if ((storage.getItem("graphiql:query") ?? EMPTY) === EMPTY) query = example;
    render(key, fetcher);
  };
  const properties = {
    fetcher,
    storage,
    onSchemaChange,
    // Without a key there is no schema to ask for.
    schema: key ? undefined : null,
    query,
    defaultQuery: example,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  };
  ReactDOM.render(React.createElement(GraphiQL, properties), byId("playground"));
}

function connect(key) {
  sessionStorage.setItem(KEY, key);
  byId("note").textContent = "";
  render(key, fetcherFor(key));
}

byId("access").addEventListener("submit", (event) => {
  event.preventDefault();
  connect(byId("key").value);
});

// A key in the address is taken over, and taken out of the address and its history.
const address = new URLSearchParams(location.search);
byId("key").value = address.get("apikey") ?? sessionStorage.getItem(KEY) ?? "";
if (address.has("apikey")) history.replaceState(null, "", location.pathname);
connect(byId("key").value);
