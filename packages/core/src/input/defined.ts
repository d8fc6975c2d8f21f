type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The object without the fields that are undefined, so that optional means absent in JSON and in memory. */
export function defined<T extends object>(object: T): Defined<T> {
  const kept: Record<string, unknown> = {}
  for (const name in object) if (object[name] !== undefined) kept[name] = object[name]
  return kept as Defined<T>
}
