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
    .addHelpText("after", help)
  const commands = [
    ...[init(), statusCommand(), approvals(), unknown(), trail(), mandate(), freeze(), unfreeze()],
    ...[verify(exit), exportCommand(), evidence(), checkpoint(), doctor(exit)],
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of [program, ...commands, ...commands.flatMap((each) => each.commands)]) {
    command.exitOverride().enablePositionalOptions().showHelpAfterError(hint)
  }
  for (const command of commands) command.hook("preAction", handDown)
  return program
}

const hint = "Run it with --help for what it takes."

/** Options before a subcommand's name count for it as those behind it do; what it does not take is refused. */
function handDown(parent: Command, command: Command): void {
  if (parent === command) return
  for (const [name, value] of Object.entries(parent.opts())) {
    if (parent.getOptionValueSource(name) !== "cli") continue
    const flag = parent.options.find((each) => each.attributeName() === name)?.long
    if (!command.options.some((each) => each.attributeName() === name))
      command.error(`error: ${command.name()} does not take ${flag}`, { exitCode: 2 })
    if (command.getOptionValueSource(name) !== "cli") command.setOptionValueWithSource(name, value, "cli")
  }
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
