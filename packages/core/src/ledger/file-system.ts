import { NornrError } from "../error/nornr-error.ts"

type Files = typeof import("node:fs")

/** File system types whose locks or memory maps do not reach other machines (statfs(2), f_type). */
const networkTypes: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "CIFS",
  4266872130: "SMB2",
  1397113167: "AFS",
  12805120: "Ceph",
  1937076805: "Coda",
  198183888: "Lustre",
}

const fuse = 0x65735546

/** FUSE file systems that are remote; others, such as an overlay of a rootless container, are local. */
const remoteFuse =
  /^fuse\.(sshfs|s3fs|gcsfuse|rclone|goofys|geesefs|blobfuse2?|glusterfs|davfs2?|ceph-fuse|juicefs|seaweedfs|weed|mountpoint-s3|curlftpfs|smbnetfs|afp|gvfsd-fuse|google-drive-ocamlfuse|onedriver)$/i

/** @throws {NornrError} `ledger_refused` for a folder where SQLite's locks cannot be trusted */
export function requireLocal(fs: Files, folder: string): void {
  const isShare = folder.startsWith("\\\\") && !folder.startsWith("\\\\?\\")
  const type = isShare ? 0x517b : fs.statfsSync(folder).type
  const name = type === fuse ? remoteFuseAt(readMounts(fs), folder) : networkTypes[type]
  if (name !== undefined) throw networkFault(folder, name)
}

/** The remote FUSE type that a folder lies on, by the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function remoteFuseAt(mounts: string, folder: string): string | undefined {
  let longest = ""
  let type = ""
  for (const line of mounts.split("\n")) {
    const [before = "", after = ""] = line.split(" - ")
    const point = (before.split(" ")[4] ?? "").replace(/\\040/g, " ")
    const holds = point === "/" || folder === point || folder.startsWith(`${point}/`)
    if (point === "" || !holds || point.length < longest.length) continue
    longest = point
    type = after.split(" ")[0] ?? ""
  }
  return remoteFuse.test(type) ? type : undefined
}

function readMounts(fs: Files): string {
  try {
    return fs.readFileSync("/proc/self/mountinfo", "utf8")
  } catch {
    return ""
  }
}

function networkFault(folder: string, name: string): NornrError {
  const problem = `${folder} is on a network file system (${name}), where locks cannot be trusted.`
  const remedy = "Put the ledger on a local disk, or use PostgreSQL or a control plane for several machines."
  return new NornrError("ledger_refused", problem, { remedy })
}
