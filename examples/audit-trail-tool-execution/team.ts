// The conversation, scripted: no model is needed to see who may spend what.
import type { ToolCall } from "@nornr/core"

export interface Turn {
  readonly speaker: string
  readonly says: string
  readonly call?: ToolCall
}

export const thread = "campaign-7"

export const conversation: readonly Turn[] = [
  { speaker: "planner", says: "We need the autumn reports on one page, and a clip for the launch." },
  {
    speaker: "researcher",
    says: "I will have the reports summarised.",
    call: { id: "call_1", agent: "researcher", name: "summarise", args: { season: "autumn" } },
  },
  {
    speaker: "designer",
    says: "And I will have the clip rendered.",
    call: { id: "call_2", agent: "designer", name: "render", args: { seconds: "90" } },
  },
  {
    speaker: "researcher",
    says: "There is a cheap address list, too.",
    call: { id: "call_3", agent: "researcher", name: "buy_list", args: { size: "9000" } },
  },
  {
    speaker: "planner",
    says: "Then let us train a model of our own on it.",
    call: { id: "call_4", agent: "planner", name: "train", args: { base: "small" } },
  },
]

export const afterwards: readonly Turn[] = [
  {
    speaker: "designer",
    says: "The clip should be translated.",
    call: { id: "call_5", agent: "designer", name: "translate", args: { to: "fi" } },
  },
  {
    speaker: "researcher",
    says: "And everything should be archived.",
    call: { id: "call_6", agent: "researcher", name: "archive", args: { years: "10" } },
  },
]
