import { readFileSync } from "node:fs"
import { Command } from "commander"
import { approvals } from "./commands/approvals.ts"
import { checkpoint } from "./commands/checkpoint.ts"
import { doctor } from "./commands/doctor.ts"
import { evidence } from "./commands/evidence.ts"
import { exportCommand } from "./commands/export.ts"
import { freeze, unfreeze } from "./commands/freeze.ts"
import { init } from "./commands/init.ts"
import { mandate } from "./commands/mandate.ts"
import { statusCommand } from "./commands/status.ts"
import { trail } from "./commands/trail.ts"
import { unknown } from "./commands/unknown.ts"
import { verify } from "./commands/verify.ts"

/** Sets the exit code of a command that was done. */
export type Exit = (code: number) => void

/** The command, with all its subcommands. */
export function nornr(exit: Exit): Command {
  const program = new Command("nornr")
    .description("Review, operate and audit what AI agents spend.")
    .version(version, "-V, --version")
    .showHelpAfterError("Run it with --help for what it takes.")
    .addHelpText("after", help)
  const commands = [
    ...[init(), statusCommand(), approvals(), unknown(), trail(), mandate(), freeze(), unfreeze()],
    ...[verify(exit), exportCommand(), evidence(), checkpoint(), doctor(exit)],
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of [program, ...commands, ...commands.flatMap((each) => each.commands)]) {
    command.exitOverride().enablePositionalOptions()
  }
  return program
}

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

const help = `
Exit codes: 0 done, and what was verified is sound; 1 it could not be done or
was refused; 2 the command line is none; 3 verify or doctor found something;
130 a prompt was left.
Colours go away with NO_COLOR, in pipes and with --json. Shell completion:
  source <(nornr complete zsh)   (or bash with bash-completion, fish, powershell)`
