import assert from "node:assert/strict"
import { currentSpend } from "../govern/current-spend.ts"
import type { Terms } from "../govern/terms.ts"
import type { Decision } from "../spend/decision.ts"
import { type TestWallet, testWallet } from "../testing/index.ts"
import { callMetered, type MeteredService, startMeteredService } from "./metered-service.ts"

/** A tool call that the scripted model of a driver makes. */
export interface ContractCall {
  readonly id: string
  readonly name: string
  readonly args: ContractArgs
}

/** What every tool of the contract takes; its schema asks for a number. */
export interface ContractArgs {
  readonly price: number
}

/** A tool as the framework's user has it, and the terms that an adapter puts it under. */
export interface ContractTool {
  readonly name: string
  execute(args: ContractArgs): Promise<string>
  readonly terms: Terms<ContractArgs, string>
}

/** What a framework shows after it ran as far as it could. */
export interface Turn {
  /** It waits for a review. */
  readonly paused: boolean
  /** What the framework has for each call that it is done with. */
  readonly results: Readonly<Record<string, ContractResult>>
  /** How often the model was called in this turn. */
  readonly modelCalls: number
}

export interface ContractResult {
  /** What the model reads. */
  readonly text: string
  /** Whether the framework calls it an error; undefined where it has no word for that. */
  readonly isError?: boolean | undefined
  /** The decision as it is found on the framework's own result. */
  readonly decision: Decision | undefined
}

/** A framework with governed tools, at work. */
export interface AdapterApp {
  /** The model makes these calls at once, in a conversation; the framework runs until it is done or paused. */
  call(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** Resumes a conversation in the framework's own way, from what it has persisted, as another process would. */
  resume(thread: string): Promise<Turn>
  /** Says yes to all that waits in the framework's own way, with no word to the wallet, and resumes. */
  sayYes?(thread: string): Promise<Turn>
  /** As `call`, made by an agent that the first agent called as its tool. */
  callNested?(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** As `call`, where the framework has nothing to keep a paused run in. */
  callWithoutStorage?(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** As `call`, with arguments that the tool's schema refuses. */
  callInvalid?(thread: string, call: Omit<ContractCall, "args">): Promise<Turn>
  /** As `call`, with the same tools as they are without the adapter. */
  callBare(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** The user says something else in a conversation that waits. */
  newTurn(thread: string): Promise<Turn>
}

export interface AdapterContract {
  /** The runner's `test`; the suite asserts with `node:assert`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown
  /** Starts the framework with these tools, under the adapter. */
  readonly start: (tools: readonly ContractTool[]) => Promise<AdapterApp>
  /** Scenarios that the framework cannot have, each with the reason. */
  readonly skip?: Partial<Readonly<Record<AdapterScenario, string>>>
}

/** What every adapter keeps, whatever its framework: one table of scenarios. */
export function testAdapter({ test, start, skip = {} }: AdapterContract): void {
  for (const [name, play] of Object.entries(scenarios)) {
    if (Object.hasOwn(skip, name)) continue
    test(name, async () => {
      const stage = await setStage(start)
      try {
        await play(stage)
        const report = await stage.wallet.verify()
        assert(report.ok, report.ok ? "" : report.message)
      } finally {
        await stage.service.close()
      }
    })
  }
}

interface Stage extends TestWallet {
  readonly app: AdapterApp
  readonly service: MeteredService
}

const names = ["search", "order", "fail"] as const

/** A budget of 50 a day, a person above 20; each tool costs its price, and the service counts its requests. */
async function setStage(start: AdapterContract["start"]): Promise<Stage> {
  const service = await startMeteredService()
  service.break("fail")
  const test = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
  const tools = names.map(
    (name): ContractTool => ({
      name,
      async execute(args) {
        const { request } = await callMetered(service.url, name, args, currentSpend()?.idempotencyKey)
        return `${name} ${request}`
      },
      terms: { wallet: test.wallet, amount: ({ price }) => price, to: `${name}.example` },
    }),
  )
  return { ...test, service, app: await start(tools) }
}

const call = (id: string, price: number, name: (typeof names)[number] = "search"): ContractCall => ({
  ...{ id, name },
  args: { price },
})

function decisionIn(turn: Turn, id: string): Decision {
  const decision = turn.results[id]?.decision
  assert(decision !== undefined, `the result of ${id} carries its decision`)
  return decision
}

async function onlyPending({ desk }: Stage): Promise<Decision> {
  const [decision, second] = await desk.pending()
  assert(decision !== undefined && second === undefined, "one decision waits")
  return decision
}

const total = ({ service }: Stage) => names.reduce((sum, name) => sum + service.count(name), 0)

const scenarios = {
  async "approves, queues and rejects in one parallel batch"(stage: Stage) {
    const { app, service, desk } = stage
    const turn = await app.call("t", [call("c1", 10), call("c2", 30, "order"), call("c3", 60)])
    assert.equal(service.count("search"), 1)
    assert.equal(service.count("order"), 0)
    const queued = await onlyPending(stage)
    assert.equal(queued.run.call ?? "c2", "c2")
    await desk.approve(queued)
    const after = await app.resume("t")
    const results = { ...turn.results, ...after.results }
    const all = { ...after, results }
    assert.equal(decisionIn(all, "c1").execution.settled, "10.00")
    assert.equal(decisionIn(all, "c2").approval?.state, "approved")
    assert.equal(decisionIn(all, "c3").status, "rejected")
    assert.match(results["c3"]?.text ?? "", /Not run, nothing charged.*Daily limit/)
    assert.deepEqual([service.count("search"), service.count("order")], [1, 1])
  },

  async "keeps a queued call through a restart, and pauses again before the review"(stage: Stage) {
    const { app } = stage
    await app.call("t", [call("c1", 30)])
    for (let round = 0; round < 2; round++) {
      const turn = await app.resume("t")
      assert.equal(turn.modelCalls, 0, "no model is asked while a person has not decided")
      assert.equal(total(stage), 0)
    }
    assert.equal((await onlyPending(stage)).status, "queued")
  },

  async "runs an approved call once, with the decision on its result"(stage: Stage) {
    const { app, desk, service } = stage
    await app.call("t", [call("c1", 30)])
    await desk.approve(await onlyPending(stage), { comment: "within the campaign" })
    const turn = await app.resume("t")
    assert.equal(service.count("search"), 1)
    const decision = decisionIn(turn, "c1")
    assert.deepEqual([decision.status, decision.execution.state], ["approved", "settled"])
    assert.equal(decision.approval?.by, "test-reviewer")
    assert.match(turn.results["c1"]?.text ?? "", /search 1/)
  },

  async "tells the model why a reviewer has rejected"(stage: Stage) {
    const { app, desk } = stage
    await app.call("t", [call("c1", 30)])
    await desk.reject(await onlyPending(stage))
    const turn = await app.resume("t")
    assert.equal(total(stage), 0)
    assert.equal(decisionIn(turn, "c1").approval?.state, "rejected")
    assert.match(turn.results["c1"]?.text ?? "", /Not run, nothing charged.*test-reviewer rejected it/)
  },

  async "runs nothing on the framework's own yes"(stage: Stage) {
    const { app } = stage
    await app.call("t", [call("c1", 30)])
    await app.sayYes?.("t")
    assert.equal(total(stage), 0)
    assert.equal((await onlyPending(stage)).status, "queued")
  },

  async "runs a call once, resumed twice at once and again"(stage: Stage) {
    const { app, desk, service } = stage
    await app.call("t", [call("c1", 30), call("c2", 5, "order")])
    await desk.approve(await onlyPending(stage))
    await Promise.allSettled([app.resume("t"), app.resume("t")])
    await app.resume("t").catch(() => undefined)
    assert.deepEqual([service.count("search"), service.count("order")], [1, 1])
  },

  async "lets a nested agent's call pause, be approved and run once, apart from its parent's"(stage: Stage) {
    const { app, desk, service } = stage
    await app.callNested?.("t", [call("c1", 30)])
    assert.equal(total(stage), 0)
    await desk.approve(await onlyPending(stage))
    await app.resume("t")
    await app.resume("t").catch(() => undefined)
    assert.equal(service.count("search"), 1)
    await app.call("t", [call("c1", 6)])
    assert.equal(service.count("search"), 2, "the same call id of the parent is another call")
  },

  async "fails as the tool fails, keeps the hold and does not run again"(stage: Stage) {
    const { app, desk, service } = stage
    const bare = await app.callBare("bare", [call("c1", 5, "fail")])
    const turn = await app.call("t", [call("c1", 5, "fail")])
    assert.equal(turn.results["c1"]?.text, bare.results["c1"]?.text)
    assert.equal(turn.results["c1"]?.isError, bare.results["c1"]?.isError)
    assert.equal(decisionIn(turn, "c1").execution.state, "failed")
    await app.resume("t").catch(() => undefined)
    assert.equal(service.count("fail"), 2)
    const [failed] = await desk.failed()
    assert.equal(failed?.amount, "5.00")
  },

  async "holds nothing for a call that its schema refuses"(stage: Stage) {
    const { app, wallet } = stage
    await app.callInvalid?.("t", { id: "c1", name: "search" })
    assert.equal(total(stage), 0)
    const [daily] = (await wallet.balance()).limits
    assert.equal(daily?.held, "0.00")
  },

  async "runs nothing while the ledger is out of reach, and says so"(stage: Stage) {
    const { app, fail } = stage
    fail("ledger_unavailable", { times: 1_000 })
    const said = await app.call("t", [call("c1", 5)]).then(
      (turn) => turn.results["c1"]?.text ?? "",
      (error: unknown) => String(error),
    )
    fail("ledger_unavailable", { times: 0 })
    assert.equal(total(stage), 0)
    assert.match(said, /Not run|The test made the ledger fail/)
  },

  async "changes nothing else about a tool that is approved"(stage: Stage) {
    const { app } = stage
    const bare = await app.callBare("bare", [call("c1", 5), call("c2", 6, "order")])
    const turn = await app.call("t", [call("c1", 5), call("c2", 6, "order")])
    for (const id of ["c1", "c2"]) {
      assert.equal(turn.results[id]?.text.replace("2", "1"), bare.results[id]?.text)
      assert.equal(turn.results[id]?.isError, bare.results[id]?.isError)
    }
    assert.equal(turn.modelCalls, bare.modelCalls)
  },

  async "refuses a call that would have to wait where nothing can be kept, and holds nothing"(stage: Stage) {
    const { app, desk } = stage
    const said = await app.callWithoutStorage?.("t", [call("c1", 30)]).then(
      (turn) => turn.results["c1"]?.text ?? "",
      (error: unknown) => String(error),
    )
    assert.match(said ?? "", /Not run/)
    assert.equal(total(stage), 0)
    assert.deepEqual(await desk.pending(), [])
  },

  async "never runs a call that was canceled, though it is approved late"(stage: Stage) {
    const { app, desk, wallet } = stage
    await app.call("t", [call("c1", 30)])
    const queued = await onlyPending(stage)
    await app.newTurn("t")
    if ((await wallet.decision(queued.id))?.status === "queued") await wallet.cancel(queued)
    await assert.rejects(desk.approve(queued), { code: "state_conflict" })
    await app.resume("t").catch(() => undefined)
    assert.equal(total(stage), 0)
  },
}

export type AdapterScenario = keyof typeof scenarios
