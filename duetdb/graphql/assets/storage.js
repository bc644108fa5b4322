// What GraphiQL keeps between visits: queries, variables, tabs and how the page is laid out.
// Its history would keep the Headers of each query as well, and a key may stand there: they
// are left out.

const HISTORIES = ["graphiql:queries", "graphiql:favorites"];

function withoutHeaders(text) {
  return JSON.stringify(JSON.parse(text), (name, value) => (name === "headers" ? undefined : value));
}

export const storage = {
  get length() {
    return localStorage.length;
  },
  getItem: (name) => localStorage.getItem(name),
  setItem: (name, value) => localStorage.setItem(name, HISTORIES.includes(name) ? withoutHeaders(value) : value),
  removeItem: (name) => localStorage.removeItem(name),
  clear: () => localStorage.clear(),
};
