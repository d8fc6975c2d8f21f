import { afterRealTime } from "./real-timer.ts"

/**
 * Renews a lease every so many milliseconds of real time, until it is told to stop or the lease is lost: then
 * `renew` gives false. What throws is tried again the next time. Does not keep a process alive.
 */
export function renewing(every: number, renew: () => Promise<boolean>): () => void {
  let cancel = () => {}
  let isOver = false
  const turn = async () => {
    try {
      if (!(await renew())) return
    } catch {
      // The lease lasts for several turns.
    }
    if (!isOver) wait()
  }
  const wait = () => {
    cancel = afterRealTime(every, () => void turn(), { idle: true })
  }
  wait()
  return () => {
    isOver = true
    cancel()
  }
}
