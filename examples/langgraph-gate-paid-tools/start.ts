// The first process: three requests, each in a thread of its own. It ends; what waits is in the files.
// #region start
import { graph } from "./graph.ts"

for (const [thread, request] of [
  ["domain", "Get us a domain name."],
  ["servers", "Rent a week of servers."],
  ["leads", "Buy 9,000 addresses."],
] as const) {
  const { order, decisions, said } = await graph.invoke({ request }, { configurable: { thread_id: thread } })
  const { status } = decisions["vendor_order"] ?? {}
  console.log(`  ${order.item}, ${order.total} USD to ${order.vendor}: ${status}${said ? `: ${said}` : ""}`)
}
// #endregion start
