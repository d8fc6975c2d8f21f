// #region state
import { Annotation, END, START, StateGraph } from "@langchain/langgraph"
import { currentSpend, decisionGate, decisionsChannel } from "@nornr/langgraph"
import { sqliteSaver } from "@nornr/support/sqlite-saver"
import { buy } from "@nornr/support/vendor"
import { type Order, plan } from "./plan.ts"
import { wallet } from "./wallet.ts"

const State = Annotation.Root({
  request: Annotation<string>,
  order: Annotation<Order>,
  decisions: decisionsChannel,
  said: Annotation<string>,
})
type S = typeof State.State
// #endregion state

// #region gate
const order = decisionGate<S>("vendor_order", {
  wallet,
  key: ({ order }) => order.number, // bought once, however often the graph comes by
  amount: ({ order }) => order.total,
  to: ({ order }) => order.vendor,
  purpose: "vendor order",
})
// #endregion gate

const checkpointer = sqliteSaver(process.env["CHECKPOINTS"] ?? ":memory:")

// #region graph
const next = order.route({ approved: "execute_action", queued: "await_review", rejected: "stop_workflow" })

export const graph = new StateGraph(State)
  .addNode("plan", async ({ request }) => ({ order: await plan(request) }))
  .addNode("ask", order.ask)
  .addNode("await_review", order.review)
  .addNode(
    "execute_action",
    order.run(async ({ order }) => ({ said: await buy(order.item, currentSpend()?.idempotencyKey) })),
  )
  .addNode("stop_workflow", async ({ decisions }) => ({ said: decisions["vendor_order"]?.message ?? "" }))
  .addEdge(START, "plan")
  .addEdge("plan", "ask")
  .addConditionalEdges("ask", ...next)
  .addConditionalEdges("await_review", ...next)
  .addEdge("execute_action", END)
  .addEdge("stop_workflow", END)
  .compile({ checkpointer })
// #endregion graph
