/** Whether a real model plays: it may say and buy what it wants. */
export const isReal: boolean = (process.env["OPENAI_API_KEY"] ?? "") !== ""
