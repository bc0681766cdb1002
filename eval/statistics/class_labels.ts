/** A class as a record names it. */
export interface NamedClass {
  /** Label value. */
  readonly class: number;
  /** Name. */
  readonly class_name: string;
}

/**
 * What to call the classes of some records: their names, with the label value where two classes share one.
 * Classes are told apart by label value and name together, never by the name alone.
 */
export function classLabels(records: readonly NamedClass[]): (of: NamedClass) => string {
  const ids = new Map<string, Set<number>>();
  for (const { class: id, class_name } of records) {
    const known = ids.get(class_name);
    if (known) known.add(id);
    else ids.set(class_name, new Set([id]));
  }
  return ({ class: id, class_name }) => ids.get(class_name)!.size > 1 ? `${class_name} (${id})` : class_name;
}

/** A key that differs whenever label value or name differ. */
export function classKey({ class: id, class_name }: NamedClass): string {
  return JSON.stringify([id, class_name]);
}

/** The classes of some records, each once, in the order they first appear. */
export function distinctClasses(records: readonly NamedClass[]): NamedClass[] {
  return [
    ...new Map(records.map((r) => [classKey(r), { class: r.class, class_name: r.class_name }])).values(),
  ];
}
