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

/** A framework with governed tools, at work. A driver leaves out what its framework has no notion of. */
export interface AdapterApp {
  /** The model makes these calls at once, in a conversation; the framework runs until it is done or paused. */
  call(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** Resumes a conversation in the framework's own way, from what was persisted last. */
  resume(thread: string): Promise<Turn>
  /** As `call`, with the same tools as they are without the adapter. */
  callBare(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** The user says something else in a conversation that waits. */
  newTurn(thread: string): Promise<unknown>
  /** Says yes to all that waits in each of the framework's own ways, with no word to the wallet, and resumes. */
  sayYes?(thread: string): Promise<unknown>
  /** As `call`, made by an agent that another agent called as its tool or handed over to. */
  callNested?(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** As `call`, where the framework has nothing to keep a paused run in. */
  callWithoutStorage?(thread: string, calls: readonly ContractCall[]): Promise<Turn>
  /** As `call`, with arguments that the tool's schema refuses. */
  callInvalid?(thread: string, call: Omit<ContractCall, "args">): Promise<Turn>
  /** Asserts that streaming, callbacks, metadata and access to state are those of the bare tool. */
  compareWithBare?(): Promise<void>
}

export type AdapterScenario =
  | "approves, queues and rejects in one parallel batch"
  | "keeps a queued call through a restart, and pauses again before the review"
  | "runs an approved call once, with the decision on its result"
  | "tells the model why a reviewer has rejected"
  | "runs nothing on the framework's own yes"
  | "runs a call once, resumed twice at once and again"
  | "lets a nested agent's call pause, be approved and run once, apart from its parent's"
  | "fails as the tool fails, keeps the hold and does not run again"
  | "holds nothing for a call that its schema refuses"
  | "runs nothing while the ledger is out of reach, and says so"
  | "changes nothing else about a tool that is approved"
  | "streams, calls back and reaches state as the bare tool does"
  | "refuses a call that would have to wait where nothing can be kept, and holds nothing"
  | "never runs a call that was canceled, though it is approved late"

/** All that a driver may keep between processes: text by name. */
export type ContractStorage = Map<string, string>

type Run = (name: string, run: () => Promise<void>) => unknown

export interface AdapterContract {
  /** The runner's `test`; the suite asserts with `node:assert`. Where it has `skip`, reasons are shown by it. */
  readonly test: Run & { readonly skip?: Run }
  /** Starts the framework with these tools under the adapter; again on the same storage is another process. */
  readonly start: (tools: readonly ContractTool[], storage: ContractStorage) => Promise<AdapterApp>
  /** Scenarios that the framework cannot have, each with the reason. */
  readonly skip?: Partial<Readonly<Record<AdapterScenario, string>>>
  /** The framework hides from the adapter that a tool failed: it is settled at the hold. */
  readonly hidesFailures?: boolean
  /** The framework makes the result of a failed tool by itself, and gives the decision no place on it. */
  readonly bareFailures?: boolean
  /** The adapter itself cancels what a new turn of the user has orphaned. */
  readonly cancelsOnNewTurn?: boolean
}

/** What every adapter keeps, whatever its framework: one table of scenarios. */
export function testAdapter(contract: AdapterContract): void {
  const { test, skip = {} } = contract
  for (const [name, play] of Object.entries(scenarios)) {
    const run = async () => {
      const stage = await setStage(contract)
      try {
        await play(stage)
        const report = await stage.wallet.verify()
        assert(report.ok, report.ok ? "" : report.message)
      } finally {
        await stage.service.close()
      }
    }
    const reason = Object.hasOwn(skip, name) ? skip[name as AdapterScenario] : undefined
    if (reason === undefined) test(name, run)
    else test.skip?.(`${name} (${reason})`, run)
  }
}

interface Stage extends TestWallet {
  readonly app: AdapterApp
  readonly service: MeteredService
  readonly contract: AdapterContract
  /** The same conversations in another process. */
  restart(): Promise<AdapterApp>
}

const names = ["search", "order", "fail"] as const

/** A budget of 50 a day, a person above 20; each tool costs its price, and the service counts its requests. */
async function setStage(contract: AdapterContract): Promise<Stage> {
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
  const storage: ContractStorage = new Map()
  const restart = () => contract.start(tools, storage)
  return { ...test, service, contract, restart, app: await restart() }
}

/** What a driver leaves out, it has to skip with a reason: nothing passes for not being there. */
function requireWay<K extends keyof AdapterApp>({ app }: Stage, way: K): NonNullable<AdapterApp[K]> {
  const has = app[way]
  assert(has !== undefined, `the driver has no ${way}: give it one, or skip the scenario with the reason`)
  return has.bind(app) as NonNullable<AdapterApp[K]>
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

const scenarios: Readonly<Record<AdapterScenario, (stage: Stage) => Promise<void>>> = {
  async "approves, queues and rejects in one parallel batch"(stage: Stage) {
    const { app, service, desk } = stage
    const turn = await app.call("t", [call("c1", 10), call("c2", 30, "order"), call("c3", 60)])
    assert(turn.paused, "a queued call pauses the run")
    await service.requested("search", 1)
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
    await stage.app.call("t", [call("c1", 30)])
    for (let round = 0; round < 2; round++) {
      const turn = await (await stage.restart()).resume("t")
      assert(turn.paused, "it pauses again")
      assert.equal(turn.modelCalls, 0, "no model is asked while a person has not decided")
      assert.equal(total(stage), 0)
    }
    assert.equal((await onlyPending(stage)).status, "queued")
  },

  async "runs an approved call once, with the decision on its result"(stage: Stage) {
    const { app, desk, service } = stage
    await app.call("t", [call("c1", 30)])
    await desk.approve(await onlyPending(stage), { comment: "within the campaign" })
    const turn = await (await stage.restart()).resume("t")
    assert(!turn.paused)
    assert.equal(service.count("search"), 1)
    const decision = decisionIn(turn, "c1")
    assert.deepEqual([decision.status, decision.execution.state], ["approved", "settled"])
    assert.deepEqual(
      [decision.approval?.by, decision.approval?.comment],
      ["test-reviewer", "within the campaign"],
    )
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
    const sayYes = requireWay(stage, "sayYes")
    await stage.app.call("t", [call("c1", 30)])
    await sayYes("t")
    assert.equal(total(stage), 0)
    assert.equal((await onlyPending(stage)).status, "queued")
  },

  async "runs a call once, resumed twice at once and again"(stage: Stage) {
    const { app, desk, service } = stage
    await app.call("t", [call("c1", 30), call("c2", 5, "order")])
    await desk.approve(await onlyPending(stage))
    const elsewhere = await stage.restart()
    const resumed = await Promise.allSettled([app.resume("t"), elsewhere.resume("t")])
    const turns = resumed.filter((each) => each.status === "fulfilled").map(({ value }) => value)
    const [whole] = turns.filter(({ results }) => results["c1"] !== undefined)
    assert(whole !== undefined, "one of two resumes at once gives the result")
    assert.equal(decisionIn(whole, "c1").execution.state, "settled")
    await app.resume("t").catch(() => undefined)
    assert.deepEqual([service.count("search"), service.count("order")], [1, 1])
  },

  async "lets a nested agent's call pause, be approved and run once, apart from its parent's"(stage: Stage) {
    const { app, desk, service } = stage
    assert((await requireWay(stage, "callNested")("t", [call("c1", 30)])).paused)
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
    const hides = stage.contract.hidesFailures === true
    if (stage.contract.bareFailures !== true) {
      assert.equal(decisionIn(turn, "c1").execution.state, hides ? "settled" : "failed")
    }
    await app.resume("t").catch(() => undefined)
    assert.equal(service.count("fail"), 2)
    assert.deepEqual(
      (await desk.failed()).map(({ amount }) => amount),
      hides ? [] : ["5.00"],
    )
  },

  async "holds nothing for a call that its schema refuses"(stage: Stage) {
    const { wallet } = stage
    await requireWay(stage, "callInvalid")("t", { id: "c1", name: "search" })
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
    assert.match(said, /Not run, nothing charged|The test made the ledger fail/)
  },

  async "changes nothing else about a tool that is approved"(stage: Stage) {
    const { app } = stage
    const bare = await app.callBare("bare", [call("c1", 5), call("c2", 6, "order")])
    const turn = await app.call("t", [call("c1", 5), call("c2", 6, "order")])
    for (const id of ["c1", "c2"]) {
      const [first, second] = [bare, turn].map(({ results }) => results[id]?.text.replace(/ \d$/, ""))
      assert.equal(second, first)
      assert.equal(turn.results[id]?.isError, bare.results[id]?.isError)
    }
    assert.equal(turn.modelCalls, bare.modelCalls)
  },

  async "streams, calls back and reaches state as the bare tool does"(stage: Stage) {
    await requireWay(stage, "compareWithBare")()
  },

  async "refuses a call that would have to wait where nothing can be kept, and holds nothing"(stage: Stage) {
    const { desk } = stage
    const said = await requireWay(stage, "callWithoutStorage")("t", [call("c1", 30)]).then(
      (turn) => turn.results["c1"]?.text ?? "",
      (error: unknown) => String(error),
    )
    assert.match(said, /Not run/)
    assert.equal(total(stage), 0)
    assert.deepEqual(await desk.pending(), [])
  },

  async "never runs a call that was canceled, though it is approved late"(stage: Stage) {
    const { app, desk, wallet } = stage
    await app.call("t", [call("c1", 30)])
    const queued = await onlyPending(stage)
    await app.newTurn("t")
    if (stage.contract.cancelsOnNewTurn !== true) await wallet.cancel(queued)
    assert.equal((await wallet.decision(queued.id))?.approval?.state, "canceled")
    await assert.rejects(desk.approve(queued), { code: "state_conflict" })
    await app.resume("t").catch(() => undefined)
    assert.equal(total(stage), 0)
  },
}
