import { interopParseAsync, isInteropZodSchema } from "@langchain/core/utils/types"

/** The arguments as a tool gets them, from those that the model wrote; undefined where its schema refuses them. */
export async function argsOf(
  { schema }: { readonly schema?: unknown },
  raw: unknown,
): Promise<{ readonly args: unknown } | undefined> {
  if (!isInteropZodSchema(schema)) return { args: raw }
  try {
    return { args: await interopParseAsync(schema, raw) }
  } catch {
    return undefined
  }
}
