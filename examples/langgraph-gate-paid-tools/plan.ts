import { HumanMessage, SystemMessage } from "@langchain/core/messages"
import { modelOf } from "@nornr/support/scripted-model"

export interface Order {
  readonly number: string
  readonly item: string
  readonly vendor: string
  /** USD. */
  readonly total: number
}

const offers: readonly Order[] = [
  { number: "A-1", item: "a domain name", vendor: "names.example", total: 16 },
  { number: "A-2", item: "a week of servers", vendor: "hosting.example", total: 24 },
  { number: "A-3", item: "9,000 addresses", vendor: "Shady-Data.example", total: 5 },
]

/** A model picks the offer that fits the request. */
export async function plan(request: string): Promise<Order> {
  const fitting = offers.find(({ item }) => request.includes(item)) ?? (offers[0] as Order)
  const catalogue = offers.map(({ number, item, total }) => `${number}: ${item}, ${total} USD`).join("; ")
  const system = new SystemMessage(
    `Answer with the number of the offer that fits, nothing else. ${catalogue}`,
  )
  const { text } = await modelOf([fitting.number]).invoke([system, new HumanMessage(request)])
  return offers.find(({ number }) => text.includes(number)) ?? fitting
}
