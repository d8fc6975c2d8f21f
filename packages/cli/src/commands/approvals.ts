import { setTimeout as pause } from "node:timers/promises"
import { cancel, intro, isCancel, outro, select, text } from "@clack/prompts"
import { NornrError, type ReviewDecision, type ReviewDesk } from "@nornr/core"
import { Command } from "commander"
import { openId } from "../decision-id.ts"
import { decisionBlock } from "../decision-text.ts"
import { Interrupted } from "../interrupted.ts"
import { type Acting, openDesk, withReviewer } from "../options.ts"
import { plain } from "../plain.ts"
import { bold, count, dim, emitJson, paint, say } from "../screen.ts"

interface Listing extends Acting {
  readonly watch?: boolean
}

interface Saying extends Acting {
  readonly comment?: string
}

export function approvals(): Command {
  const command = withReviewer(
    new Command("approvals").description("what waits for a person: list it, decide it"),
  )
    .option("--watch", "go on and show what comes")
    .action((options: Listing) => (options.watch ? watch(options) : list(options)))
  command.addCommand(withReviewer(new Command("list").description("what waits, oldest first")).action(list))
  command.addCommand(reviewing("approve", "let exactly this call run, once"))
  command.addCommand(reviewing("reject", "never let it run"))
  command.addCommand(
    withReviewer(
      new Command("triage").description("decide one after another, with the arguments shown"),
    ).action(triage),
  )
  return command
}

function reviewing(verdict: "approve" | "reject", description: string): Command {
  return withReviewer(new Command(verdict).description(description))
    .argument("<decision...>", "ids of decisions (dec_…)")
    .option("--comment <text>", "said with it, for whoever reads the trail")
    .action(async (ids: readonly string[], options: Saying) => {
      await using desk = await openDesk(options)
      const said = options.comment === undefined ? {} : { comment: options.comment }
      const decided: ReviewDecision[] = []
      try {
        for (const id of ids) {
          const decision = await desk[verdict](await openId(desk, id), said)
          decided.push(decision)
          if (!options.json) say(told(decision, desk.reviewer))
        }
      } catch (error) {
        if (decided.length === 0 || !NornrError.isInstance(error)) throw error
        const done = decided.map(({ id }) => id).join(", ")
        const problem = `Decided: ${done}. Then: ${error.message.slice(0, -error.remedy.length).trim()}`
        throw new NornrError(error.code, problem, { remedy: error.remedy, cause: error })
      }
      if (options.json) emitJson({ decisions: decided })
    })
}

function told({ approval, amount, currency, to, replayed }: ReviewDecision, reviewer: string): string {
  const state = approval?.state ?? "decided"
  const who = replayed === true ? `already ${state} by ${approval?.by}` : `${state} by ${reviewer}`
  return `${paint(state === "approved" ? "green" : "red", plain(who))}: ${amount} ${currency} to ${plain(to)}`
}

async function list(options: Acting): Promise<void> {
  await using desk = await openDesk(options)
  const pending = await desk.pending()
  if (options.json) return emitJson({ pending })
  if (pending.length === 0) return say("Nothing waits for a review.")
  say(
    `${bold(count(pending.length, "decision"))} ${pending.length === 1 ? "waits" : "wait"} for a review`,
    "",
  )
  for (const decision of pending) say(...decisionBlock(decision))
  say(dim("nornr approvals approve <id> · reject <id> --comment … · triage"))
}

/** What is queued is shown once, as it comes, until Ctrl+C. */
async function watch(options: Acting): Promise<void> {
  await using desk = await openDesk(options)
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once("SIGINT", end).once("SIGTERM", end)
  const shown = new Set<string>()
  if (!options.json) say(dim("waiting for decisions to review; Ctrl+C ends it"))
  while (!stop.signal.aborted) {
    for (const decision of await desk.pending()) {
      if (shown.has(decision.id)) continue
      shown.add(decision.id)
      if (options.json) process.stdout.write(`${JSON.stringify(decision)}\n`)
      else say("", ...decisionBlock(decision))
    }
    await pause(500, undefined, { signal: stop.signal }).catch(() => undefined)
  }
}

async function triage(options: Acting): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    const remedy = "Use `nornr approvals approve <id>` and `reject <id>` in scripts."
    throw new NornrError("invalid_option", "Triage asks questions, and this is no terminal.", { remedy })
  }
  await using desk = await openDesk(options)
  const pending = await desk.pending()
  if (pending.length === 0) return say("Nothing waits for a review.")
  intro(`${count(pending.length, "decision")} to review as ${plain(desk.reviewer)}`)
  let done = 0
  for (const decision of pending) {
    say("", ...decisionBlock(decision))
    const answer = await ask(decision)
    if (answer === "quit") break
    if (answer === "skip") continue
    done += (await decide(desk, decision, answer)) ? 1 : 0
  }
  outro(`${count(done, "decision")} reviewed, ${pending.length - done} left`)
}

type Answer = "approve" | "reject" | "skip" | "quit"

async function ask({ amount, currency, to }: ReviewDecision): Promise<Answer> {
  const answer = await select<Answer>({
    message: `${amount} ${currency} to ${plain(to)}?`,
    options: [
      { value: "skip", label: "skip", hint: "it stays pending" },
      { value: "approve", label: "approve", hint: "exactly this call runs, once" },
      { value: "reject", label: "reject", hint: "it never runs" },
      { value: "quit", label: "quit" },
    ],
  })
  if (isCancel(answer)) return left()
  return answer
}

async function decide(
  desk: ReviewDesk,
  decision: ReviewDecision,
  answer: "approve" | "reject",
): Promise<boolean> {
  const comment = await text({ message: "A comment? (Enter for none)", defaultValue: "" })
  if (isCancel(comment)) return left()
  try {
    const decided = await desk[answer](decision, comment.trim() === "" ? {} : { comment })
    say(`  ${told(decided, desk.reviewer)}`)
    return true
  } catch (error) {
    if (!NornrError.isInstance(error)) throw error
    say(`  ${paint("red", plain(error.message))}`)
    return false
  }
}

function left(): never {
  cancel("Left; what was not decided stays pending.")
  throw new Interrupted()
}
