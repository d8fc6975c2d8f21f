import { type JSONSchema, Validator } from "@langchain/core/utils/json_schema"
import { interopParseAsync, isInteropZodSchema } from "@langchain/core/utils/types"

/** The arguments as a tool gets them, from those that the model wrote; undefined where its schema refuses them. */
export async function argsOf(
  { schema }: { readonly schema?: unknown },
  raw: unknown,
): Promise<{ readonly args: unknown } | undefined> {
  try {
    if (isInteropZodSchema(schema)) return { args: await interopParseAsync(schema, raw) }
    const isValid = new Validator(schema as JSONSchema).validate(raw).valid
    return isValid ? { args: raw } : undefined
  } catch {
    return undefined
  }
}
