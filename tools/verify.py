#!/usr/bin/env python3
"""Checks a trail as docs/formats.md describes it, with Python's standard library and the `openssl` command alone.

It shares no code with the software that writes trails: what the two find must be the same.

Exit code: 0 sound, 1 something could not be read, 2 wrong usage, 3 something was found.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

SAFE = 2**53 - 1
NO_EVENT = "0" * 64
HEX_HASH = re.compile(r"[0-9a-f]{64}")
EVENT_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}')
EVENT_END_LENGTH = len(',"hash":""') + 64
EVENT_FIELDS = {"v", "wallet", "seq", "at", "type", "mandate", "prev", "data"}
AMOUNT = re.compile(r"([0-9]+)\.([0-9]{2,6})")
KEY = re.compile(r"([^\s+]+)\+([0-9a-fA-F]{8})\+([A-Za-z0-9+/]+=*)")
NOTE = re.compile(r"(([^\s+]+)\n(0|[1-9][0-9]{0,15})\n(\S+)\n)\n((?:\u2014 [^\s+]+ \S+\n)+)")
ED25519_DER = bytes.fromhex("302a300506032b6570032100")

GROUPS = ("intent", "policyDecision", "approvalState", "settlementState", "receiptTrail", "auditExport", "provenance")
INTENT = "decision amount currency to thread agent tool call node namespace key previous".split()
STATE_AFTER = {
    "spend.claimed": "running",
    "spend.returned": "approved",
    "spend.settled": "settled",
    "spend.adjusted": "settled",
    "spend.released": "released",
    "spend.failed": "failed",
    "spend.unknown": "unknown",
}
ENDED = ("settled", "released", "rejected")
ENDING = ("approval.resolved", "spend.settled", "spend.released", "spend.adjusted")

MEANING = {
    "malformed": "it does not have the form that it must have",
    "wrong_wallet": "an event of another wallet",
    "gap": "events are missing or out of their order here",
    "out_of_order": "an event was repeated, inserted or moved",
    "edited": "the event does not have its hash: it was edited",
    "broken_link": "the event does not follow from the one before it",
    "time_reversed": "the event is older than the one before it",
    "receipt_mismatch": "a receipt for this position has another hash",
    "receipt_missing": "nothing stands at the position of a receipt: the tail was cut",
    "disclosure_differs": "the disclosed text is not the one that the event has the digest of",
    "malformed_checkpoint": "the checkpoint is no signed note with origin, size and root",
    "unknown_key": "no pinned key of this origin has signed the checkpoint",
    "bad_signature": "the checkpoint's signature does not verify",
    "root_differs": "the events are not those that the checkpoint was made of",
    "rolled_back": "there are fewer events than the checkpoint has: an old copy, or the tail was cut",
    "proof_fails": "the proof does not lead to the root of the checkpoint",
    "count_differs": "there are not as many events as the header says",
    "digest_differs": "the packet does not have its digest and id",
    "group_differs": "the group is not what the events and disclosures give",
    "shrunk": "the later tree is smaller than the earlier one",
}


class Unreadable(Exception):
    pass


def main() -> int:
    args = arguments()
    report = Report(args.what)
    try:
        args.run(args, read_keys(args.key), report)
    except (OSError, Unreadable) as problem:
        print(f"verify.py: {problem}", file=sys.stderr)
        return 1
    report.print(args.json)
    return 3 if report.faults else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Checks exports, proof packets, checkpoints and proofs of a trail.")
    commands = parser.add_subparsers(dest="what", required=True)
    for name, run, about in (
        ("export", run_export, "an export of a ledger or of a wallet"),
        ("packet", run_packet, "a proof packet"),
        ("checkpoint", run_checkpoint, "one signed note"),
        ("consistency", run_consistency, "a proof that one checkpoint's tree goes on from another's"),
        ("receipt", run_receipt, "a proof that a receipt's event is in a checkpoint's tree"),
    ):
        command = commands.add_parser(name, help=about)
        command.set_defaults(run=run)
        command.add_argument("file", help="what to check; - is standard input")
        pinned = "a pinned public key, or a file with one a line (repeatable)"
        command.add_argument("--key", action="append", default=[], required=name == "checkpoint", help=pinned)
        command.add_argument("--json", action="store_true", help="print one JSON object")
        if name == "export":
            for option, about in (("--checkpoint", "a signed note"), ("--receipt", "receipts, as JSON,")):
                command.add_argument(option, action="append", default=[], help=f"{about} kept elsewhere (repeatable)")
    return parser.parse_args()


class Report:
    MOST = 1000

    def __init__(self, what: str):
        self.what = what
        self.faults: list[dict] = []
        self.more = 0
        self.events: int | None = None
        self.covered: int | None = None
        self.signed_by: str | None = None
        self.sentences: list[str] = []

    def fault(self, kind: str, place: int | str, detail: str = "") -> None:
        if len(self.faults) >= self.MOST:
            self.more += 1
            return
        message = f"{MEANING[kind]} ({detail})" if detail else MEANING[kind]
        where = "line" if isinstance(place, int) else "part"
        self.faults.append({"kind": kind, where: place, "message": message})

    def count(self) -> int:
        return len(self.faults) + self.more

    def cover(self, upto: int, note: Note) -> None:
        if note.signed and (self.covered is None or upto >= self.covered):
            self.covered = upto
            self.signed_by = note.origin

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def print(self, as_json: bool) -> None:
        if as_json:
            found = {"ok": not self.faults, "what": self.what, "faults": self.faults, "more": self.more}
            if self.what == "export":
                found["events"] = self.events
            print(json.dumps({**found, "covered": self.covered, "signedBy": self.signed_by}))
            return
        for fault in self.faults:
            line = fault.get("line")
            place = f"line {line}" if line else "the whole file" if line == 0 else fault["part"]
            print(f"{place}: {fault['kind']}: {fault['message']}")
        if self.more:
            print(f"... and {self.more} more.")
        for sentence in self.sentences:
            print(sentence)
        print("Something was found." if self.faults else "Nothing was found.")


# Exports


def run_export(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    beside = [read(name) for name in args.checkpoint]
    receipts = [receipt for name in args.receipt for receipt in read_receipts(name)]
    with sys.stdin.buffer if args.file == "-" else open(args.file, "rb") as lines:
        header = parse_header(lines.readline())
        report.events = 0
        if header is None:
            report.fault("malformed", 1, "no header")
            return
        export = Export(header, keys, beside, receipts, report)
        for number, line in enumerate(lines, 2):
            export.line(number, line)
    export.end()
    say_export(export, report)


def parse_header(line: bytes) -> dict | None:
    try:
        header = load(line)
    except ValueError:
        return None
    if not has(header, kind=str, v=int, scope=str, events=int) or header["kind"] != "nornr.export" or header["v"] != 1:
        return None
    whole = header["scope"] == "ledger" or header["scope"] == "wallet" and has(header, wallet=str)
    return header if whole else None


class Last(NamedTuple):
    seq: int
    hash: str
    at: str


class Export:
    """Holds the last event of each wallet and the tree's stack, never the events."""

    def __init__(self, header: dict, keys: list[Key], beside: list[bytes], receipts: list[dict], report: Report):
        self.header = header
        self.wallet = header["wallet"] if header["scope"] == "wallet" else None
        self.keys = keys
        self.beside = [parse_note(note) for note in beside]
        self.report = report
        self.last: dict[str, Last] = {}
        self.tree = Tree()
        # The event that a disclosure may follow now.
        self.open: dict | None = None
        self.receipts: dict[tuple, set[str]] = {}
        for receipt in receipts:
            self.receipts.setdefault((receipt["wallet"], receipt["seq"]), set()).add(receipt["hash"])
        # What this file has at the sizes that the checkpoints beside it speak of.
        self.roots: dict[int, set[bytes]] = {note.size: set() for note in self.beside if note}
        if self.wallet is None:
            self.keep_root()

    def line(self, number: int, line: bytes) -> None:
        # The cut is made on the text as it stands: written anew, an edit that changes no value would not show.
        line = line.removesuffix(b"\n")
        end = len(line) - 1
        mark = EVENT_END.match(line, max(end - EVENT_END_LENGTH, 0))
        try:
            if mark:
                self.event(number, line[: mark.start()] + line[end:], mark[1].decode())
                return
            value = load(line)
        except ValueError:
            value = None
        if has(value, disclosure=dict) and has(value["disclosure"], wallet=str, seq=int, name=str, salt=str, value=str):
            self.disclosure(number, value["disclosure"])
            return
        self.open = None
        if has(value, checkpoint=str) and (self.wallet is None or has_path(value.get("proof"), seq=int)):
            self.checkpoint(number, value["checkpoint"], value.get("proof"))
        else:
            self.report.fault("malformed", number)

    def event(self, number: int, data: bytes, hash_: str) -> None:
        text = data.decode()
        event = load_text(text, DECODER)
        if not is_event(event):
            raise ValueError("no event")
        self.report.events += 1
        wallet, seq, at = event["wallet"], event["seq"], event["at"]
        if self.wallet is None:
            self.tree.add(bytes.fromhex(hash_))
            self.keep_root()
        elif wallet != self.wallet:
            self.open = None
            self.report.fault("wrong_wallet", number, show(wallet))
            return
        self.open = event
        last = self.last.get(wallet) or Last(0, NO_EVENT, "")
        if seq <= last.seq:
            self.report.fault("out_of_order", number, f"{show(wallet)} has {last.seq} before {seq}")
            return
        gap = seq > last.seq + 1
        if gap:
            self.report.fault("gap", number, f"{show(wallet)} has nothing from {last.seq + 1} to {seq - 1}")
        kind = event_fault(event, text, data, hash_) or (None if gap else link_fault(event, last))
        if kind:
            self.report.fault(kind, number, f"{show(wallet)} {seq}")
        if self.receipts:
            for _ in self.receipts.pop((wallet, seq), set()) - {hash_}:
                self.report.fault("receipt_mismatch", number, f"{show(wallet)} {seq}")
        self.last[wallet] = Last(seq, hash_, at)

    def disclosure(self, number: int, disclosure: dict) -> None:
        event = self.open
        stands = event and event["wallet"] == disclosure["wallet"] and event["seq"] == disclosure["seq"]
        if not stands or event["data"].get(disclosure["name"]) != disclosure_digest(disclosure):
            self.report.fault("disclosure_differs", number, show(disclosure["name"]))

    def checkpoint(self, number: int, text: str, proof: dict | None) -> None:
        note = judge(parse_note(text.encode()), self.keys, self.report, number)
        if note is None:
            return
        if self.wallet is None:
            if note.size == self.tree.size and note.root == self.tree.root():
                self.report.cover(note.size, note)
            else:
                self.report.fault("root_differs", number, f"size {note.size}, events before it: {self.tree.size}")
            return
        last = self.last.get(self.wallet)
        if last is None or last.seq != proof["seq"] or not leads(last.hash, proof, note):
            self.report.fault("proof_fails", number)
            return
        if note.size in self.roots:
            self.roots[note.size].add(note.root)
        self.report.cover(last.seq, note)

    def keep_root(self) -> None:
        if self.tree.size in self.roots:
            self.roots[self.tree.size].add(self.tree.root())

    def end(self) -> None:
        report = self.report
        for parsed in self.beside:
            note = judge(parsed, self.keys, report, 0)
            if note is None:
                continue
            if self.wallet is None and note.size > self.tree.size:
                report.fault("rolled_back", 0, f"size {note.size}, events: {self.tree.size}")
            elif self.roots[note.size] - {note.root}:
                report.fault("root_differs", 0, f"size {note.size}")
            elif self.wallet is None:
                report.cover(note.size, note)
        for (wallet, seq), hashes in self.receipts.items():
            for _ in hashes:
                report.fault("receipt_missing", 0, f"{show(wallet)} {seq}")
        if report.events != self.header["events"]:
            report.fault("count_differs", 0, f"the header says {self.header['events']}, the file has {report.events}")


def event_fault(event: dict, text: str, data: bytes, hash_: str) -> str | None:
    if hashlib.sha256(data).hexdigest() != hash_:
        return "edited"
    if event["v"] != 1 or len(event) != len(EVENT_FIELDS):
        return "malformed"
    try:
        exact = canonical(event) == text
    except ValueError:
        exact = False
    return None if exact else "malformed"


def link_fault(event: dict, last: Last) -> str | None:
    if event["prev"] != last.hash:
        return "broken_link"
    if event["at"] < last.at and event["type"] != "clock.reset":
        return "time_reversed"
    return None


def say_export(export: Export, report: Report) -> None:
    last = export.last.get(export.wallet)
    upto = export.tree.size if export.wallet is None else last.seq if last else 0
    of = "a ledger" if export.wallet is None else f"the wallet {show(export.wallet)}"
    elsewhere = "only against a receipt or a checkpoint that was kept elsewhere"
    report.say(f"An export of {of}: {report.events} events were read.")
    say_keys(export.keys, report, "no checkpoint covers anything")
    covered = report.covered or 0
    if report.covered is not None:
        but = ", but something was found" if report.faults else ""
        report.say(f"The events up to {covered} are covered by a checkpoint that {show(report.signed_by)} signed{but}.")
    if covered < upto:
        report.say(f"The events from {covered + 1} to {upto} are covered by no checkpoint.")
        report.say(f"Edits, deletions and swaps among them show; that they were all written anew shows {elsewhere}.")
    report.say(f"That events after {upto} were cut off shows {elsewhere}.")


# Proof packets


def run_packet(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    try:
        packet = load(read(args.file))
        if not is_packet(packet):
            refuse("no packet")
        digest = sha256_of({name: packet[name] for name in packet if name not in ("digest", "packetId")})
    except ValueError:
        report.fault("malformed", "packet")
        return
    if packet["digest"] != f"sha256:{digest}" or packet["packetId"] != f"pkt_{digest[:32]}":
        report.fault("digest_differs", "digest")
    events = packet["receiptTrail"]["events"]
    whole = check_trail(packet["receiptTrail"], report)
    check_disclosures(events, packet["disclosures"], report)
    if whole:
        check_groups(packet, report)
    report.say(f"A proof packet: {len(events)} events and {len(packet['disclosures'])} disclosed texts were checked.")
    check_packet_proof(events, packet["proof"], keys, report)


def is_packet(packet: object) -> bool:
    return (
        has(packet, kind=str, schemaVersion=str, packetId=str, digest=str, disclosures=list)
        and packet["kind"] == "nornr.proof_packet"
        and packet["schemaVersion"] == "1"
        and all(has(packet, **{group: dict}) for group in GROUPS if group != "approvalState")
        and (has(packet, approvalState=dict) or has(packet, approvalState=type(None)))
        and has(packet["receiptTrail"], wallet=str, events=list, evidence=list)
        and all(type(event) is dict for event in packet["receiptTrail"]["events"])
        and all(has(text, seq=int, name=str, salt=str, value=str) for text in packet["disclosures"])
        and (has(packet, proof=type(None)) or has(packet, proof=dict) and is_packet_proof(packet["proof"]))
    )


def is_packet_proof(proof: dict) -> bool:
    return has(proof, checkpoint=str, leaves=list) and all(has_path(leaf, seq=int) for leaf in proof["leaves"])


def check_trail(trail: dict, report: Report) -> bool:
    """Whether the groups can be made of these events."""
    found = report.count()
    events = trail["events"]
    first = next((i for i, event in enumerate(events) if is_event(event) and event["type"] == "decision.made"), None)
    if first is None:
        report.fault("gap", "receiptTrail.events", "there is no decision.made")
    made = None if first is None else events[first]
    mandates = [] if first is None else mandates_of(made, [event for event in events[:first] if is_event(event)])
    before = after = None
    begun = False
    for i, event in enumerate(events):
        part = f"receiptTrail.events[{i}]"
        if not packet_event_has_hash(event):
            report.fault("edited", part)
        if not is_event(event):
            continue
        about = made is not None and is_about(event, made)
        if event["wallet"] != trail["wallet"] or before and event["seq"] <= before["seq"]:
            report.fault("gap", part, "it is of another wallet, or not behind the one before it")
        elif about and not follows(event, before, begun, after):
            report.fault("gap", part, "an event of the decision is missing before it")
        elif made is not None and not about and not any(event is mandate for mandate in mandates):
            report.fault("gap", part, "it is not of this decision")
        before = event
        begun = begun or about
        if about and event["type"] != "spend.overage":
            after = event["seq"]
    return report.count() == found


def packet_event_has_hash(event: dict) -> bool:
    if not is_event(event) or set(event) != EVENT_FIELDS | {"hash"} or event["v"] != 1:
        return False
    return event["hash"] == sha256_of({name: event[name] for name in EVENT_FIELDS})


def follows(event: dict, before: dict | None, begun: bool, after: int | None) -> bool:
    if (event["type"] == "decision.made") == begun:
        return False
    if event["type"] == "spend.overage":
        return event["seq"] == before["seq"] + 1
    return not begun or same(event["data"].get("after"), after)


def is_about(event: dict, made: dict) -> bool:
    return "decision" in event["data"] and same(event["data"]["decision"], made["data"].get("decision"))


def mandates_of(made: dict, before: list[dict]) -> tuple[dict | None, dict | None]:
    """The events that set the wallet's mandate and the agent's own."""

    def setting(hash_: object, agent: object) -> dict | None:
        for event in reversed(before):
            set_ = [event["data"].get("hash"), event["data"].get("agent")]
            if event["type"] in ("wallet.created", "mandate.amended") and same(set_, [hash_, agent]):
                return event
        return None

    data = made["data"]
    own = None if data.get("agentMandate") is None else setting(data["agentMandate"], data.get("agent"))
    return setting(made["mandate"], None), own


def check_disclosures(events: list[dict], disclosures: list[dict], report: Report) -> None:
    told = {
        (event["seq"], name, value)
        for event in events
        if is_event(event)
        for name, value in event["data"].items()
        if isinstance(value, str)
    }
    for i, text in enumerate(disclosures):
        if (text["seq"], text["name"], disclosure_digest(text)) not in told:
            report.fault("disclosure_differs", f"disclosures[{i}]")


def check_groups(packet: dict, report: Report) -> None:
    expected = groups_of(packet["receiptTrail"]["events"], packet["disclosures"])
    for name in GROUPS:
        if not same(packet[name], expected[name]):
            report.fault("group_differs", name)


def groups_of(events: list[dict], disclosures: list[dict]) -> dict:
    texts = {(text["seq"], text["name"]): text["value"] for text in disclosures}
    first = next(i for i, event in enumerate(events) if event["type"] == "decision.made")
    made, later = events[first], events[first + 1 :]
    data, wallet = made["data"], made["wallet"]
    mandate, agent_mandate = mandates_of(made, events[:first])
    agent_hash = data.get("agentMandate")
    return {
        "intent": {
            **{name: data.get(name) for name in INTENT},
            "wallet": wallet,
            "at": made["at"],
            "tags": or_else(data.get("tags"), {}),
            "purpose": texts.get((made["seq"], "purpose")),
            "args": texts.get((made["seq"], "args")),
        },
        "policyDecision": {
            "status": data.get("status"),
            "reasons": or_else(data.get("reasons"), []),
            "mandate": mandate_group(made["mandate"], mandate),
            "agentMandate": None if agent_hash is None else mandate_group(agent_hash, agent_mandate),
        },
        "approvalState": approval_of(data, later, texts),
        "settlementState": settlement_of(made, later, texts),
        "receiptTrail": {
            "wallet": wallet,
            "events": events,
            "evidence": [
                {**{name: event["data"].get(name) for name in ("kind", "url", "digest")}, "at": event["at"]}
                for event in later
                if event["type"] == "evidence.attached"
            ],
        },
        "auditExport": {
            "format": "nornr.export",
            "wallet": wallet,
            "firstSeq": made["seq"],
            "lastSeq": events[-1]["seq"],
        },
        "provenance": {
            "generator": "@nornr/core",
            "wallet": wallet,
            "mandateVersion": mandate["data"].get("version") if mandate else None,
        },
    }


def mandate_group(hash_: object, event: dict | None) -> dict:
    data = event["data"] if event else {}
    fields = {name: data.get(name) for name in ("version", "terms", "by")}
    return {"hash": hash_, **fields, "at": event["at"] if event else None}


def approval_of(data: dict, later: list[dict], texts: dict) -> dict | None:
    if data.get("approval") is None:
        return None
    last = {"data": {"state": "pending"}}
    for event in later:
        if event["type"] == "approval.resolved" and event["data"].get("state") != "refused":
            last = event
    return {
        "id": data["approval"],
        "state": last["data"].get("state"),
        "by": last["data"].get("by"),
        "at": last.get("at"),
        "comment": texts.get((last.get("seq"), "comment")),
        "selfApproved": last["data"].get("selfApproved") is True,
        "expiresAt": data.get("due"),
    }


def settlement_of(made: dict, later: list[dict], texts: dict) -> dict | None:
    """None where an event has an amount that is none: then no group is right."""
    state = made["data"].get("status")
    ended_at = made["at"] if state == "rejected" else None
    settled = overage = attempts = 0
    try:
        for event in later:
            kind, data = event["type"], event["data"]
            state = STATE_AFTER.get(kind, state)
            if kind == "approval.resolved":
                state = "approved" if data.get("state") == "approved" else "rejected"
            elif kind == "spend.claimed":
                attempts = data.get("fence")
            elif kind == "spend.settled":
                settled = max(settled, micros(data.get("cost")))
            elif kind == "spend.late_outcome":
                settled += micros(data.get("counted"))
            elif kind == "spend.adjusted":
                settled = micros(data.get("to"))
            elif kind == "spend.overage":
                overage += micros(data.get("amount"))
            if kind in ENDING and state in ENDED:
                ended_at = event["at"]
    except ValueError:
        return None
    return {
        "state": state,
        "held": amount(0) if state in ENDED else made["data"].get("amount"),
        "settled": amount(settled),
        "overage": amount(overage),
        "attempts": attempts,
        "endedAt": ended_at if state in ENDED else None,
        "result": last_text([made, *later], texts, "result"),
        "error": last_text([made, *later], texts, "error"),
    }


def last_text(events: list[dict], texts: dict, name: str) -> str | None:
    naming = [event["seq"] for event in events if name in event["data"]]
    return texts.get((naming[-1], name)) if naming else None


def or_else(value: object, default: object) -> object:
    return default if value is None else value


def micros(text: object) -> int:
    """An amount in millionths, so that no sum is rounded. What is absent is nothing."""
    if text is None:
        return 0
    match = AMOUNT.fullmatch(text) if isinstance(text, str) else None
    if match is None or len(text) > 40:
        raise ValueError("no amount")
    return int(match[1]) * 10**6 + int(match[2].ljust(6, "0"))


def amount(millionths: int) -> str:
    whole, part = divmod(millionths, 10**6)
    decimals = f"{part:06}".rstrip("0").ljust(2, "0")
    return f"{whole}.{decimals}"


def check_packet_proof(events: list[dict], proof: dict | None, keys: list[Key], report: Report) -> None:
    if proof is None:
        report.say("It has no proof: nothing says that its events are in any ledger.")
        return
    say_keys(keys, report, "nothing says that its events are in any ledger")
    note = judge(parse_note(proof["checkpoint"].encode()), keys, report, "proof.checkpoint")
    if note is None:
        return
    leaves = proof["leaves"]
    found = report.count()
    for i in range(max(len(events), len(leaves))):
        event, leaf = (events[i], leaves[i]) if i < min(len(events), len(leaves)) else ({}, {})
        if not has(event, seq=int, hash=str) or event["seq"] != leaf["seq"] or not leads(event["hash"], leaf, note):
            report.fault("proof_fails", f"proof.leaves[{i}]")
    those = "The hashes of its events" if report.count() == found else "Not all hashes of its events"
    say_signed(note, report, f"{those} lead to ")


# Checkpoints and the proofs between them


def run_checkpoint(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    note = judge(parse_note(read(args.file)), keys, report, "checkpoint")
    if note:
        say_signed(note, report)
        report.say("Whether any events lead to its root, only an export, a packet or a proof can show.")


def run_consistency(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    proof = read_proof(args.file, "nornr.consistency_proof")
    if not (has_hashes(proof) and has(proof, to=str, **{"from": str})):
        report.fault("malformed", "proof")
        return
    say_keys(keys, report, "nothing says that these are checkpoints of any ledger")
    older = judge(parse_note(proof["from"].encode()), keys, report, "from")
    newer = judge(parse_note(proof["to"].encode()), keys, report, "to")
    if older is None or newer is None:
        return
    say_signed(older, report, "From: ")
    say_signed(newer, report, "To: ")
    if newer.size < older.size:
        report.fault("shrunk", "to", f"{newer.size} events, and {older.size} before")
    elif not is_consistent(older, newer, unbase64_hashes(proof["hashes"])):
        report.fault("proof_fails", "hashes")
    else:
        report.say(f"The tree of size {newer.size} begins with the whole tree of size {older.size}.")


def run_receipt(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    proof = read_proof(args.file, "nornr.receipt_proof")
    if not (has_path(proof, checkpoint=str, receipt=dict) and is_receipt(proof["receipt"])):
        report.fault("malformed", "proof")
        return
    say_keys(keys, report, "nothing says that the receipt's event is in any ledger")
    note = judge(parse_note(proof["checkpoint"].encode()), keys, report, "checkpoint")
    if note is None:
        return
    say_signed(note, report)
    receipt = proof["receipt"]
    if leads(receipt["hash"], proof, note):
        report.say(f"The event with the receipt's hash is leaf {proof['index']} of its tree.")
    else:
        report.fault("proof_fails", "hashes", f"{show(receipt['wallet'])} {receipt['seq']}")


def read_proof(name: str, kind: str) -> object:
    try:
        proof = load(read(name))
    except ValueError:
        return None
    return proof if has(proof, kind=str, v=int) and proof["kind"] == kind and proof["v"] == 1 else None


def say_keys(keys: list[Key], report: Report, so: str) -> None:
    if not keys:
        report.say(f"No key is pinned: no signature was checked, and {so}.")


def say_signed(note: Note, report: Report, before: str = "") -> None:
    if note.signed:
        report.signed_by = note.origin
    by = f"signed by {show(note.origin)}" if note.signed else "whose signature was not checked"
    report.say(f"{before}{'the' if before else 'The'} checkpoint of size {note.size}, {by}.")


# Keys and signed notes


class Key(NamedTuple):
    name: str
    id: bytes
    public: bytes


class Note(NamedTuple):
    signed_text: bytes
    origin: str
    size: int
    root: bytes
    signatures: list[tuple[str, bytes]]
    signed: bool = False


def read_keys(given: list[str]) -> list[Key]:
    keys = []
    for text in given:
        lines = [text] if KEY.fullmatch(text) else read(text).decode(errors="replace").split("\n")
        keys += [parse_key(line.strip()) for line in lines if line.strip()]
    if given and not keys:
        raise Unreadable("there is no public key in what --key names")
    return keys


def parse_key(text: str) -> Key:
    match = KEY.fullmatch(text)
    public = match and unbase64(match[3])
    if not public or len(public) != 33 or public[0] != 1:
        raise Unreadable(f"{show(text)} is no Ed25519 public key")
    if hashlib.sha256(match[1].encode() + b"\n" + public).digest()[:4].hex() != match[2].lower():
        raise Unreadable(f"the public key {show(text)} does not have its key id")
    return Key(match[1], bytes.fromhex(match[2]), public[1:])


def parse_note(data: bytes) -> Note | None:
    try:
        match = NOTE.fullmatch(data.decode())
    except ValueError:
        return None
    root = match and unbase64(match[4])
    if not root or len(root) != 32 or int(match[3]) > SAFE:
        return None
    lines = [line[2:].split(" ") for line in match[5].split("\n")[:-1]]
    signatures = [(name, unbase64(encoded)) for name, encoded in lines]
    # Other signers may have signatures of other lengths.
    if any(signature is None or len(signature) < 5 for _, signature in signatures):
        return None
    return Note(match[1].encode(), match[2], int(match[3]), root, signatures)


def judge(note: Note | None, keys: list[Key], report: Report, place: int | str) -> Note | None:
    """The note, where nothing is wrong with it as far as keys are pinned."""
    if note is None:
        report.fault("malformed_checkpoint", place)
        return None
    if not keys:
        return note
    candidates = [
        (key, signature[4:])
        for name, signature in note.signatures
        for key in keys
        if key.name == name == note.origin and key.id == signature[:4]
    ]
    if not candidates:
        report.fault("unknown_key", place, show(note.origin))
    elif not any(verifies(key, signature, note.signed_text) for key, signature in candidates):
        report.fault("bad_signature", place)
    else:
        return note._replace(signed=True)
    return None


def verifies(key: Key, signature: bytes, text: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": ED25519_DER + key.public, "signature": signature, "text": text}
        paths = {name: os.path.join(folder, name) for name in files}
        for name, data in files.items():
            with open(paths[name], "wb") as file:
                file.write(data)
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", paths["key"]]
        done = subprocess.run([*command, "-in", paths["text"], "-sigfile", paths["signature"]], capture_output=True)
    # An openssl that cannot do Ed25519 fails too, and must not make a good signature look bad.
    if done.returncode != 0 and b"Signature Verification Failure" not in done.stdout + done.stderr:
        raise Unreadable("openssl 3.0 or newer is needed: " + done.stderr.decode(errors="replace").strip())
    return done.returncode == 0


# The tree of RFC 6962


def leaf_hash(event_hash: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + event_hash).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The roots of the whole subtrees that the leaves so far make up, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.roots: list[bytes] = []

    def add(self, event_hash: bytes) -> None:
        node = leaf_hash(event_hash)
        rest = self.size
        while rest & 1:
            node = inner_hash(self.roots.pop(), node)
            rest >>= 1
        self.roots.append(node)
        self.size += 1

    def root(self) -> bytes:
        if not self.roots:
            return hashlib.sha256(b"").digest()
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = inner_hash(left, node)
        return node


def leads(event_hash: str, proof: dict, note: Note) -> bool:
    """RFC 9162 section 2.1.3.2."""
    path = unbase64_hashes(proof["hashes"])
    at, last = proof["index"], note.size - 1
    if path is None or not HEX_HASH.fullmatch(event_hash) or not 0 <= at <= last:
        return False
    node = leaf_hash(bytes.fromhex(event_hash))
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = inner_hash(sibling, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = inner_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == note.root


def is_consistent(older: Note, newer: Note, path: list[bytes] | None) -> bool:
    """RFC 9162 section 2.1.4.2."""
    if path is None:
        return False
    if older.size == newer.size:
        return not path and older.root == newer.root
    if older.size == 0:
        return not path and older.root == Tree().root()
    if older.size & (older.size - 1) == 0:
        path = [older.root, *path]
    if not path:
        return False
    at, last = older.size - 1, newer.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = inner_hash(sibling, old), inner_hash(sibling, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = inner_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old == older.root and new == newer.root


# JSON


class OddNumber:
    """Stands for a number that is no whole number within the bounds. It cannot be written again."""


ODD_NUMBER = OddNumber()


def whole_number(digits: str) -> int | OddNumber:
    # Python does not convert thousands of digits.
    value = int(digits) if len(digits) < 20 else SAFE + 1
    return value if abs(value) <= SAFE else ODD_NUMBER


def fraction(text: str) -> int | OddNumber:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= SAFE else ODD_NUMBER


def refuse(what: object) -> object:
    raise ValueError(f"not allowed: {what!r:.40}")


NUMBERS = {"parse_int": whole_number, "parse_float": fraction, "parse_constant": refuse}
DECODER = json.JSONDecoder(**NUMBERS)
COMPACT = {"ensure_ascii": False, "separators": (",", ":"), "default": refuse, "check_circular": False}
ENCODER = json.JSONEncoder(**COMPACT)
SORTING_ENCODER = json.JSONEncoder(**COMPACT, sort_keys=True)


def load(data: bytes) -> object:
    """ValueError where it is no JSON as RFC 8259 has it. A name that stands twice in an event shows as its text."""
    return load_text(data.decode(), DECODER)


def load_text(text: str, decoder: json.JSONDecoder) -> object:
    try:
        value = decoder.decode(text)
        if "\\u" in text:
            # Only an escape can make a lone surrogate, which has no UTF-8.
            json.dumps(value, ensure_ascii=False, default=repr).encode()
    except RecursionError:
        refuse("nested too deep")
    return value


def canonical(value: object) -> str:
    """The text that RFC 8785 gives. ValueError where there is a number that is not allowed."""
    try:
        text = SORTING_ENCODER.encode(value)
        # Python sorts by code points, which above U+FFFF are in another order than code units.
        return text if text.isascii() else ENCODER.encode(by_code_units(value))
    except RecursionError:
        refuse("nested too deep")


def by_code_units(value: object) -> object:
    if isinstance(value, dict):
        return {name: by_code_units(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    return [by_code_units(item) for item in value] if isinstance(value, list) else value


def same(left: object, right: object) -> bool:
    # To Python, true is 1.
    return canonical(left) == canonical(right)


def sha256_of(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def disclosure_digest(disclosure: dict) -> str:
    text = ENCODER.encode([disclosure["salt"], disclosure["name"], disclosure["value"]])
    return base64url(hashlib.sha256(base64url(text.encode()).encode()).digest())


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unbase64(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def unbase64_hashes(texts: list[str]) -> list[bytes] | None:
    hashes = [unbase64(text) for text in texts]
    return hashes if all(hash_ is not None and len(hash_) == 32 for hash_ in hashes) else None


def has(value: object, /, **types: type) -> bool:
    return type(value) is dict and all(type(value.get(name, ...)) is kind for name, kind in types.items())


def has_hashes(value: object) -> bool:
    return has(value, hashes=list) and all(type(text) is str for text in value["hashes"])


def has_path(value: object, /, **types: type) -> bool:
    return has(value, index=int, **types) and has_hashes(value)


def is_event(event: object) -> bool:
    # Spelled out and not `has`, for it runs for every event of an export.
    if type(event) is not dict:
        return False
    get = event.get
    return (
        type(get("wallet")) is type(get("at")) is type(get("type")) is str
        and type(get("mandate")) is type(get("prev")) is str
        and type(get("seq")) is int
        and type(get("data")) is dict
        and type(get("v")) in (int, OddNumber)
    )


def is_receipt(receipt: object) -> bool:
    return has(receipt, wallet=str, seq=int, hash=str) and HEX_HASH.fullmatch(receipt["hash"]) is not None


# Files


def read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:
        return file.read()


def read_receipts(name: str) -> list[dict]:
    try:
        value = load(read(name))
    except ValueError as problem:
        raise Unreadable(f"{name} is no JSON: {problem}") from None
    receipts = value if isinstance(value, list) else [value]
    if not all(is_receipt(receipt) for receipt in receipts):
        raise Unreadable(f"{name} holds something that is no receipt")
    return receipts


def show(text: str) -> str:
    """A name from a file, so that it cannot do anything to a terminal."""
    return json.dumps(text)


if __name__ == "__main__":
    sys.exit(main())
