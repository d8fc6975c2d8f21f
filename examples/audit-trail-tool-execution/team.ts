// The conversation, scripted: no model is needed to see who may spend what.
import type { ToolCall } from "./executor.ts"

export interface Turn {
  readonly speaker: string
  readonly says: string
  readonly calls?: ToolCall
}

export const thread = "campaign-7"

export const conversation: readonly Turn[] = [
  { speaker: "planner", says: "We need the autumn reports on one page, and a clip for the launch." },
  {
    speaker: "researcher",
    says: "I will have the reports summarised.",
    calls: { id: "call_1", speaker: "researcher", tool: "summarise", args: { season: "autumn" } },
  },
  {
    speaker: "designer",
    says: "And I will have the clip rendered.",
    calls: { id: "call_2", speaker: "designer", tool: "render", args: { seconds: "90" } },
  },
  {
    speaker: "researcher",
    says: "There is a cheap address list, too.",
    calls: { id: "call_3", speaker: "researcher", tool: "buy_list", args: { size: "9000" } },
  },
  {
    speaker: "planner",
    says: "Then let us train a model of our own on it.",
    calls: { id: "call_4", speaker: "planner", tool: "train", args: { base: "small" } },
  },
]
