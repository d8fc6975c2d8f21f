import { NornrError } from "../error/nornr-error.ts"
import { textOf } from "../govern/outcome.ts"
import { warn } from "../govern/warn.ts"
import { fieldsOf } from "../input/fields.ts"
import { type Outside, parseOutside } from "../outside/outside.ts"
import { send } from "../outside/send.ts"
import { afterRealTime, realNow } from "../time/real-timer.ts"
import { type Notification, type NotificationKind, notificationKinds } from "./notification.ts"

/** A program or a server that is told, as JSON on standard input or in a POST. */
export type NotifyTarget = Outside & {
  /** Which kinds; all by default. */
  readonly on?: readonly NotificationKind[] | undefined
}

/** @throws {NornrError} `invalid_option` */
export function parseNotify(input: unknown): readonly NotifyTarget[] {
  if (input === undefined) return []
  if (!Array.isArray(input)) {
    const remedy = "Pass a list of targets: notify: [{ url }, { command }]."
    throw new NornrError("invalid_option", "notify is no list.", { remedy })
  }
  return input.map((each: unknown, index) => {
    const path = `notify[${index}]`
    const outside = parseOutside(each, path, ["on"])
    const fields = fieldsOf(each, { path, code: "invalid_option", allowed: Object.keys(each as object) })
    const on = fields.get("on")
    if (on === undefined) return outside
    const isKinds =
      Array.isArray(on) && on.every((kind) => notificationKinds.includes(kind as NotificationKind))
    if (!isKinds) fields.refuse("on", on, `Use a list of: ${notificationKinds.join(", ")}.`)
    return { ...outside, on: on as readonly NotificationKind[] }
  })
}

/** How long until the second and the third try, milliseconds. */
const pauses = [1000, 5000]

/** What waits for a target at most; what comes then is dropped, and a warning says so. */
const mostWaiting = 1000

/** How long closing a wallet waits for its targets, milliseconds. */
const closing = 10_000

/** Tells a target one after another, each up to three times; a process warning says what it was not told. */
export class Delivery {
  readonly #target: NotifyTarget
  #waiting = 0
  #last: Promise<void> = Promise.resolve()
  #closesBy = Number.POSITIVE_INFINITY
  #hurry = () => {}

  constructor(target: NotifyTarget) {
    this.#target = target
  }

  readonly tell = (notification: Notification): void => {
    if (this.#target.on?.includes(notification.kind) === false) return
    if (this.#waiting >= mostWaiting)
      return warn("notification_lost", "more notifications wait than are kept.")
    this.#waiting++
    this.#last = this.#last.then(() => this.#send(notification)).finally(() => this.#waiting--)
  }

  /** When all has been told, or tried once more; what is not told in ten seconds is given up. */
  async close(): Promise<void> {
    this.#closesBy = realNow() + closing
    this.#hurry()
    const { promise: givenUp, resolve } = Promise.withResolvers<void>()
    const cancel = afterRealTime(closing, resolve)
    await Promise.race([this.#last, givenUp])
    cancel()
  }

  async #send(notification: Notification): Promise<void> {
    const body = `${JSON.stringify(notification)}\n`
    if (realNow() > this.#closesBy)
      return warn("notification_lost", "the wallet was closed before all was told.")
    for (const pause of [...pauses, undefined]) {
      try {
        return await send(this.#target, { body, method: "POST", type: "application/json" })
      } catch (error) {
        if (pause === undefined || this.#closesBy < Number.POSITIVE_INFINITY) {
          return warn("notification_lost", `${notification.kind} could not be told: ${textOf(error)}`)
        }
        await this.#pause(pause)
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = afterRealTime(ms, resolve, { idle: true })
      this.#hurry = () => {
        cancel()
        resolve()
      }
    })
  }
}
