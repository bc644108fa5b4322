// The first query, made from the schema, so that the playground never opens empty.

const SHOWN = 5;

/** A query text for one collection: its id and a few of its plain fields. */
export function exampleFor(schema) {
  const named = (type) => schema.getType(String(type).replace(/[[\]!]/g, ""));
  const fields = (holder) => Object.values(holder.getFields?.() ?? {});
  const isPlain = (field) => field.args.length === 0 && !named(field.type).getFields;
  const takes = (field, argument) => field.args.some(({ name }) => name === argument);
  const isList = (field) => String(field.type).startsWith("[") && takes(field, "skip") && takes(field, "where");

  // The collections that every server has come first, those that this one is about last.
  const list = fields(schema.getQueryType()).findLast(isList);
  if (!list) return "# There is no collection yet.\n{\n  __typename\n}\n";
  const plain = fields(named(list.type)).filter(isPlain).map(({ name }) => name);
  const own = plain.filter((name) => !name.startsWith("_")).slice(0, SHOWN);
  const lines = ["_id", ...own].map((name) => `    ${name}\n`).join("");
  return `{\n  ${list.name}(max: 5) {\n${lines}  }\n}\n`;
}
