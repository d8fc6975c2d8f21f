import {
  cancelUse,
  errorMessage,
  governUse,
  NornrError,
  strandedMessage,
  type Terms,
  type ToolUse,
  warnNotRun,
} from "@nornr/core"
import type { HostedMCPTool, RunContext, RunToolApprovalItem } from "@openai/agents"
import { callSite } from "./call-site.ts"
import { traceDecision } from "./decision-span.ts"
import type { GovernedTerms, Loose } from "./types.ts"

/** A call of a tool on a server that the provider calls. */
export interface HostedMcpCall {
  readonly tool: string
  readonly args: Loose
}

interface Answer {
  readonly approve: boolean
  readonly reason?: string
}

type OnApproval = (context: RunContext<Loose>, item: RunToolApprovalItem) => Promise<Answer>

/** The provider asks before each call: it is decided then, and settled at its hold, since nobody tells how it ended. */
export function governedHostedMcp(hosted: HostedMCPTool, terms: GovernedTerms<HostedMcpCall>): HostedMCPTool {
  const {
    server_label: label,
    require_approval: asks,
    on_approval: own,
  } = hosted.providerData as {
    readonly server_label: string
    readonly require_approval?: unknown
    readonly on_approval?: OnApproval
  }
  if (asks !== "always") {
    const problem = `The provider would call tools of ${JSON.stringify(label)} without asking.`
    throw new NornrError("invalid_option", problem, {
      remedy: 'Pass hostedMcpTool({ …, requireApproval: "always" }).',
    })
  }
  const on_approval: OnApproval = async (context, item) => {
    const answer = await own?.(context, item)
    return answer !== undefined && answer.approve !== true ? answer : answerTo(terms, context, item)
  }
  return { ...hosted, providerData: { ...hosted.providerData, on_approval } as HostedMCPTool["providerData"] }
}

/** What the provider sends with its question. */
interface Asked {
  readonly id?: string
  /** Its id is here alone in a run that was kept. */
  readonly providerData?: { readonly id?: string; readonly arguments?: string }
}

function parsed(tool: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const problem = `The arguments of ${tool} are no JSON.`
    throw new NornrError("invalid_intent", problem, { remedy: "Make the call anew.", cause })
  }
}

async function answerTo(
  terms: GovernedTerms<HostedMcpCall>,
  context: RunContext<unknown>,
  { name = "", rawItem }: RunToolApprovalItem,
): Promise<Answer> {
  try {
    const { id, providerData } = rawItem as Asked
    const text = providerData?.arguments ?? "null"
    const {
      key,
      run,
      context: given,
    } = callSite(name, { callId: id ?? providerData?.id, text, context }, terms)
    const args = { tool: name, args: parsed(name, text) }
    const use: ToolUse<HostedMcpCall, unknown> = { tool: name, args, key, run, context: given }
    const outcome = await governUse(terms as Terms<HostedMcpCall>, use, () => null)
    await traceDecision(outcome.decision)
    if (outcome.status === "done") return { approve: true }
    if (outcome.status !== "queued") return { approve: false, reason: outcome.message }
    return { approve: false, reason: strandedMessage(await cancelUse(terms, use, outcome.decision), whyNot) }
  } catch (error) {
    if (!NornrError.isInstance(error)) throw error
    warnNotRun(name, error)
    return { approve: false, reason: errorMessage(error) }
  }
}

const whyNot =
  "a call that the provider makes cannot wait for one. Whoever runs the agent can connect the server locally: governedMcpTools."
