import type { ReviewDecision } from "@nornr/core"
import { Command } from "commander"
import { openId } from "../decision-id.ts"
import { decisionBlock } from "../decision-text.ts"
import { type Acting, openDesk, withReviewer } from "../options.ts"
import { plain } from "../plain.ts"
import { bold, count, dim, emitJson, paint, say } from "../screen.ts"

interface Saying extends Acting {
  readonly comment?: string
}

export function unknown(): Command {
  const command = withReviewer(
    new Command("unknown").description("runs that are held: nobody knows their outcome, or they failed"),
  ).action(list)
  command.addCommand(
    withReviewer(new Command("settle").description("it cost this much; by default, what is held"))
      .argument("<decision>")
      .argument("[amount]")
      .option("--comment <text>", "said with it")
      .action((id: string, amount: string | undefined, options: Saying) =>
        end(options, async (desk, said) => desk.settle(await openId(desk, id), amount, said)),
      ),
  )
  command.addCommand(
    withReviewer(
      new Command("release").description(
        "it cost nothing: the hold is freed, and the call may be asked anew",
      ),
    )
      .argument("<decision>")
      .option("--comment <text>", "said with it")
      .action((id: string, options: Saying) =>
        end(options, async (desk, said) => desk.release(await openId(desk, id), said)),
      ),
  )
  return command
}

type Desk = Awaited<ReturnType<typeof openDesk>>

async function end(
  options: Saying,
  act: (desk: Desk, said: { readonly comment?: string }) => Promise<ReviewDecision>,
): Promise<void> {
  await using desk = await openDesk(options)
  const decision = await act(desk, options.comment === undefined ? {} : { comment: options.comment })
  if (options.json) return emitJson({ decision })
  const { execution, amount, currency, to } = decision
  const cost =
    execution.state === "settled"
      ? `settled at ${execution.settled} ${currency}`
      : "released, nothing charged"
  say(`${paint("green", cost)} by ${plain(desk.reviewer)}: ${amount} ${currency} to ${plain(to)}`)
}

async function list(options: Acting): Promise<void> {
  await using desk = await openDesk(options)
  const [lost, failed] = [await desk.unknown(), await desk.failed()]
  if (options.json) return emitJson({ unknown: lost, failed })
  if (lost.length + failed.length === 0) return say("No outcome is unknown, and nothing failed is held.")
  const part = (title: string, decisions: readonly ReviewDecision[]) => {
    if (decisions.length > 0) say(bold(`${count(decisions.length, "run")} ${title}`), "")
    for (const decision of decisions) say(...decisionBlock(decision))
  }
  part("with an unknown outcome: ask the vendor whether it was charged", lost)
  part("that failed and may have been charged", failed)
  say(dim("nornr unknown settle <id> [amount] · release <id>"))
}
