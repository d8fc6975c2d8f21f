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
import math
import os
import re
import subprocess
import sys
import tempfile
from typing import NamedTuple

SAFE = 2**53 - 1
DEEPEST = 64
MOST_VALUES = 500_000
# Shorter texts cannot hold as many.
SHORT = 1_000_000
LONGEST_LINE = 64 * 1024 * 1024
MOST_SIGNATURES = 100
LONGEST_NOTE = 100_000
NO_EVENT = "0" * 64
HEX_HASH = re.compile(r"[0-9a-f]{64}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
AMOUNT = re.compile(r"([0-9]+)\.([0-9]{2,6})")
EVENT_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}')
EVENT_END_LENGTH = len(',"hash":""}') + 64
NAME, BASE64 = "([!-*,-~]+)", "([A-Za-z0-9+/]+=*)"
KEY = re.compile(rf"{NAME}\+([0-9a-f]{{8}})\+{BASE64}")
SIGNATURE = re.compile(rf"\u2014 {NAME} {BASE64}")
NOTE = re.compile(rf"({NAME}\n(0|[1-9][0-9]{{0,15}})\n{BASE64}\n)\n((?:{SIGNATURE.pattern}\n)+)")
ED25519_DER = bytes.fromhex("302a300506032b6570032100")

# The shapes that `fits` knows. Which number an event's `v` is, is looked at later.
TEXTS = {"wallet": str, "type": str, "mandate": str, "prev": str}
EVENT = {"v": (int, float), "seq": int, "at": TIME, "data": dict, **TEXTS}
HASHED_EVENT = {**EVENT, "hash": str}
RECEIPT = {"wallet": str, "seq": int, "hash": HEX_HASH}
PATH = {"index": int, "hashes": [str]}
LEAF = {"seq": int, **PATH}
DISCLOSURE = {"seq": int, "name": str, "salt": str, "value": str}
HEADER = {"kind": "nornr.export", "v": 1, "events": int}
HEADERS = ({**HEADER, "scope": "ledger"}, {**HEADER, "scope": "wallet", "wallet": str})
DISCLOSURE_LINE = {"disclosure": {**DISCLOSURE, "wallet": str}}
CHECKPOINT_LINE = {"ledger": {"checkpoint": str}, "wallet": {"checkpoint": str, "proof": LEAF}}
CONSISTENCY_PROOF = {"kind": "nornr.consistency_proof", "v": 1, "from": str, "to": str, "hashes": [str]}
RECEIPT_PROOF = {"kind": "nornr.receipt_proof", "v": 1, "receipt": RECEIPT, "event": dict, "checkpoint": str, **PATH}
PACKET = {
    **{"kind": "nornr.proof_packet", "schemaVersion": "1", "packetId": str, "digest": str},
    **{"intent": dict, "policyDecision": dict, "approvalState": (dict, None), "settlementState": dict},
    **{"auditExport": dict, "provenance": dict, "disclosures": [DISCLOSURE]},
    "receiptTrail": {"wallet": str, "events": [dict], "evidence": list},
    "proof": ({"checkpoint": str, "leaves": [LEAF]}, None),
}

INTENT = "decision amount currency to thread agent tool call node namespace key previous"
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
    "not_comparable": "no checkpoint in the file that was found good has the same size",
    "uncovered": "a key is pinned, and there is no checkpoint",
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
        if note.signed and upto >= (self.covered or 0):
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
        header = parse(lines.readline(), HEADERS)
        report.events = 0
        if header is None:
            return report.fault("malformed", 1, "no header")
        export = Export(header, keys, beside, receipts, report)
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 2), b""), 2):
            if len(line.removesuffix(b"\n")) > LONGEST_LINE:
                report.fault("malformed", number, "the line is too long, and nothing behind it was read")
                break
            export.line(number, line)
    export.end()
    say_export(export, report)


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
        self.has_checkpoint = bool(beside)
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
        line = line.removesuffix(b"\n")
        end = EVENT_END.fullmatch(line[-EVENT_END_LENGTH:])
        # The cut is made on the text as it stands: written anew, an edit that changes no value would not show.
        data = line[:-EVENT_END_LENGTH] + b"}" if end else line
        value = parse(data, EVENT, decoder=DECODER) if end else parse(data, dict)
        if value and end:
            return self.event(number, value, data, end[1].decode())
        if fits(value, DISCLOSURE_LINE, only=True):
            return self.disclosure(number, value["disclosure"])
        self.open = None
        if fits(value, CHECKPOINT_LINE[self.header["scope"]], only=True):
            return self.checkpoint(number, value["checkpoint"], value.get("proof"))
        return self.report.fault("malformed", number)

    def event(self, number: int, event: dict, data: bytes, hash_: str) -> None:
        self.report.events += 1
        wallet, seq = event["wallet"], event["seq"]
        if self.wallet is None:
            self.tree.add(bytes.fromhex(hash_))
            self.keep_root()
        elif wallet != self.wallet:
            self.open = None
            return self.report.fault("wrong_wallet", number, show(wallet))
        self.open = event
        last = self.last.get(wallet) or Last(0, NO_EVENT, "")
        if seq <= last.seq:
            return self.report.fault("out_of_order", number, f"{show(wallet)} has {last.seq} before {seq}")
        gap = seq > last.seq + 1
        if gap:
            self.report.fault("gap", number, f"{show(wallet)} has nothing from {last.seq + 1} to {seq - 1}")
        kind = event_fault(event, data, hash_, None if gap else last)
        if kind:
            self.report.fault(kind, number, f"{show(wallet)} {seq}")
        for _ in self.receipts.pop((wallet, seq), set()) - {hash_}:
            self.report.fault("receipt_mismatch", number, f"{show(wallet)} {seq}")
        self.last[wallet] = Last(seq, hash_, event["at"])
        return None

    def disclosure(self, number: int, disclosure: dict) -> None:
        event = self.open
        stands = event and event["wallet"] == disclosure["wallet"] and event["seq"] == disclosure["seq"]
        if not stands or event["data"].get(disclosure["name"]) != disclosure_digest(disclosure):
            self.report.fault("disclosure_differs", number, show(disclosure["name"]))

    def checkpoint(self, number: int, text: str, proof: dict | None) -> None:
        self.has_checkpoint = True
        note = judge(parse_note(text.encode()), self.keys, self.report, number)
        if note is None:
            return None
        if self.wallet is None:
            size = self.tree.size
            if note.size != size or note.root != self.tree.root():
                return self.report.fault("root_differs", number, f"size {note.size}, events before it: {size}")
            return self.report.cover(size, note)
        last = self.last.get(self.wallet)
        if last is None or last.seq != proof["seq"] or not leads(last.hash, proof, note):
            return self.report.fault("proof_fails", number)
        roots = self.roots.setdefault(note.size, set())
        if roots and note.root not in roots:
            return self.report.fault("root_differs", number, f"size {note.size}, and another root before")
        roots.add(note.root)
        return self.report.cover(last.seq, note)

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
            elif not self.roots[note.size]:
                report.fault("not_comparable", 0, f"size {note.size}")
            elif self.roots[note.size] != {note.root}:
                report.fault("root_differs", 0, f"size {note.size}")
            elif self.wallet is None:
                report.cover(note.size, note)
        if self.keys and not self.has_checkpoint:
            report.fault("uncovered", 0)
        for wallet, seq in self.receipts:
            report.fault("receipt_missing", 0, f"{show(wallet)} {seq}")
        if report.events != self.header["events"]:
            report.fault("count_differs", 0, f"the header says {self.header['events']}, the file has {report.events}")


def event_fault(event: dict, data: bytes, hash_: str, last: Last | None) -> str | None:
    if hashlib.sha256(data).hexdigest() != hash_:
        return "edited"
    try:
        exact = event["v"] == 1 and len(event) == len(EVENT) and canonical(event) == data
        exact = exact and (len(data) <= SHORT or count_values(event) <= MOST_VALUES)
    except ValueError:
        exact = False
    if not exact:
        return "malformed"
    if last and event["prev"] != last.hash:
        return "broken_link"
    return "time_reversed" if last and event["at"] < last.at and event["type"] != "clock.reset" else None


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
    packet = parse(read(args.file), PACKET, only=True)
    try:
        if packet is None or not in_order(packet["disclosures"]) or count_values(packet) > MOST_VALUES:
            refuse("no packet")
        digest = sha256_of({name: packet[name] for name in packet if name not in ("digest", "packetId")})
    except ValueError:
        return report.fault("malformed", "packet")
    if packet["digest"] != f"sha256:{digest}" or packet["packetId"] != f"pkt_{digest[:32]}":
        report.fault("digest_differs", "digest")
    events, disclosures = packet["receiptTrail"]["events"], packet["disclosures"]
    trail = Trail(packet["receiptTrail"])
    whole = check_trail(trail, events, report)
    check_disclosures(trail, disclosures, report)
    groups = groups_of(trail, disclosures) if whole else {}
    has_amounts = groups.get("settlementState") is not None
    for name, group in groups.items():
        if not has_amounts or not same(packet[name], group):
            report.fault("group_differs", name)
    report.say(f"A proof packet: {len(events)} events and {len(disclosures)} disclosed texts were checked.")
    return check_packet_proof(events, packet["proof"], keys, report)


def in_order(disclosures: list) -> bool:
    order = [(text["seq"], code_units(text["name"])) for text in disclosures]
    return all(one < next_ for one, next_ in zip(order, order[1:]))


class Trail:
    """A packet's events, where they have the form of one, and what they are to its decision."""

    def __init__(self, trail: dict):
        self.wallet = trail["wallet"]
        self.events = [event for event in trail["events"] if fits(event, EVENT)]
        self.made = next((event for event in self.events if event["type"] == "decision.made"), None)
        if self.made is None:
            self.lack = "there is no decision.made"
            return
        first = self.events.index(self.made)
        self.later = self.events[first + 1 :]
        data = self.made["data"]
        self.decision = canonical(data.get("decision"))
        agent_hash = data.get("agentMandate")
        self.mandate = mandate_event(self.events[:first], self.made["mandate"], None)
        self.agent_mandate = agent_hash and mandate_event(self.events[:first], agent_hash, data.get("agent"))
        here = self.mandate and (agent_hash is None or self.agent_mandate)
        self.lack = None if here else "the event that set a mandate of the decision is not there"

    def is_ours(self, event: dict) -> bool:
        return "decision" in event["data"] and canonical(event["data"]["decision"]) == self.decision

    def owes(self, event: dict) -> bool:
        """Whether a spend.overage must follow directly. What is no amount shows in the groups."""
        data = event["data"]
        try:
            if event["type"] == "spend.settled":
                return self.is_ours(event) and micros(data.get("cost")) > micros(self.made["data"].get("amount"))
            return event["type"] == "spend.late_outcome" and self.is_ours(event) and micros(data.get("counted")) != 0
        except ValueError:
            return False

    def gap(self, at: int, begun: bool, after: int | None) -> str | None:
        """What is wrong with an event's place. The decision's have `begun` or not, and the last is at `after`."""
        event = self.events[at]
        before = self.events[at - 1] if at > 0 else None
        if event["wallet"] != self.wallet or event["seq"] <= (before["seq"] if before else 0):
            return "it is of another wallet, or not behind the one before it"
        if self.made is None:
            return None
        if not self.is_ours(event):
            used = event is self.mandate or event is self.agent_mandate
            return None if used and not begun else "it is not of this decision"
        if (event["type"] == "decision.made") == begun:
            return "the decision does not begin with its only decision.made"
        if event["type"] == "spend.overage":
            due = self.owes(before) and event["seq"] == before["seq"] + 1
            return None if due else "it is not directly behind an event that has an overage"
        if begun and not same(event["data"].get("after"), after):
            return "an event of the decision is missing before it"
        behind = self.events[at + 1]["type"] if at + 1 < len(self.events) else None
        return "its overage is missing" if self.owes(event) and behind != "spend.overage" else None


def mandate_event(events: list[dict], hash_: object, agent: object) -> dict | None:
    for event in reversed(events):
        if sets_mandate(event) and same([event["data"].get("hash"), event["data"].get("agent")], [hash_, agent]):
            return event
    return None


def sets_mandate(event: dict) -> bool:
    return event["type"] in ("wallet.created", "mandate.amended")


def check_trail(trail: Trail, events: list[dict], report: Report) -> bool:
    """Whether the groups can be made of these events."""
    found = report.count()
    if trail.lack:
        report.fault("gap", "receiptTrail.events", trail.lack)
    begun, after, at = False, None, 0
    for i, event in enumerate(events):
        part = f"receiptTrail.events[{i}]"
        if not is_whole(event) or sets_mandate(event) and not has_terms(event["data"]):
            report.fault("edited", part)
        if not fits(event, EVENT):
            continue
        gap = trail.gap(at, begun, after)
        if gap:
            report.fault("gap", part, gap)
        at += 1
        if trail.made and trail.is_ours(event):
            begun = True
            after = after if event["type"] == "spend.overage" else event["seq"]
    return report.count() == found


def is_whole(event: dict) -> bool:
    """Whether an event with its hash is as an event must be, and has that hash."""
    try:
        exact = fits(event, HASHED_EVENT, only=True) and event["v"] == 1
        return exact and event["hash"] == sha256_of({name: event[name] for name in EVENT})
    except ValueError:
        return False


def has_terms(data: dict) -> bool:
    return "terms" in data and data.get("hash") == sha256_of(data["terms"])


def check_disclosures(trail: Trail, disclosures: list[dict], report: Report) -> None:
    told = {
        (event["seq"], name, value)
        for event in trail.events
        for name, value in event["data"].items()
        if isinstance(value, str)
    }
    for i, text in enumerate(disclosures):
        if (text["seq"], text["name"], disclosure_digest(text)) not in told:
            report.fault("disclosure_differs", f"disclosures[{i}]")


def groups_of(trail: Trail, disclosures: list[dict]) -> dict:
    texts = {(text["seq"], text["name"]): text["value"] for text in disclosures}
    made, later = trail.made, trail.later
    data, wallet = made["data"], made["wallet"]
    bounds = {"firstSeq": made["seq"], "lastSeq": trail.events[-1]["seq"]}
    version = trail.mandate["data"].get("version")
    return {
        "intent": {
            **pick(data, INTENT),
            "wallet": wallet,
            "at": made["at"],
            "tags": or_else(data.get("tags"), {}),
            "purpose": texts.get((made["seq"], "purpose")),
            "args": texts.get((made["seq"], "args")),
        },
        "policyDecision": {
            "status": data.get("status"),
            "reasons": or_else(data.get("reasons"), []),
            "mandate": mandate_group(trail.mandate),
            "agentMandate": mandate_group(trail.agent_mandate) if trail.agent_mandate else None,
        },
        "approvalState": approval_of(data, later, texts),
        "settlementState": settlement_of(made, later, texts),
        "receiptTrail": {
            "wallet": wallet,
            "events": trail.events,
            "evidence": [
                {**pick(event["data"], "kind url digest"), "at": event["at"]}
                for event in later
                if event["type"] == "evidence.attached"
            ],
        },
        "auditExport": {"format": "nornr.export", "wallet": wallet, **bounds},
        "provenance": {"generator": "@nornr/core", "wallet": wallet, "mandateVersion": version},
    }


def pick(data: dict, names: str) -> dict:
    return {name: data.get(name) for name in names.split()}


def mandate_group(event: dict) -> dict:
    return {**pick(event["data"], "hash version terms by"), "at": event["at"]}


def approval_of(data: dict, later: list[dict], texts: dict) -> dict | None:
    if data.get("approval") is None:
        return None
    last = {"data": {"state": "pending"}}
    for event in later:
        if event["type"] == "approval.resolved" and event["data"].get("state") != "refused":
            last = event
    return {
        **pick(last["data"], "state by"),
        "id": data["approval"],
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
                attempts = or_else(data.get("fence"), 0)
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
    return f"{whole}." + f"{part:06}".rstrip("0").ljust(2, "0")


def check_packet_proof(events: list[dict], proof: dict | None, keys: list[Key], report: Report) -> None:
    if proof is None:
        report.say("It has no proof: nothing says that its events are in any ledger.")
        return report.fault("uncovered", "proof") if keys else None
    say_keys(keys, report, "nothing says that its events are in any ledger")
    note = judge(parse_note(proof["checkpoint"].encode()), keys, report, "proof.checkpoint")
    if note is None:
        return None
    leaves = proof["leaves"]
    found = report.count()
    for i in range(max(len(events), len(leaves))):
        event, leaf = (events[i], leaves[i]) if i < min(len(events), len(leaves)) else (None, None)
        here = event is not None and fits(event.get("hash"), HEX_HASH) and same(event.get("seq"), leaf["seq"])
        if not here or not leads(event["hash"], leaf, note):
            report.fault("proof_fails", f"proof.leaves[{i}]")
    sound = report.count() == found
    say_signed(note, report, f"{'The hashes' if sound else 'Not all hashes'} of its events lead to ")
    return report.cover(note.size, note) if sound else None


# Checkpoints and the proofs between them


def run_checkpoint(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    note = judge(parse_note(read(args.file)), keys, report, "checkpoint")
    if note:
        say_signed(note, report)
        report.say("Whether any events lead to its root, only an export, a packet or a proof can show.")


def run_consistency(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    proof = parse_proof(read(args.file), CONSISTENCY_PROOF)
    if proof is None:
        return report.fault("malformed", "proof")
    say_keys(keys, report, "nothing says that these are checkpoints of any ledger")
    older = judge(parse_note(proof["from"].encode()), keys, report, "from")
    newer = judge(parse_note(proof["to"].encode()), keys, report, "to")
    if older is None or newer is None:
        return None
    say_signed(older, report, "From: ")
    say_signed(newer, report, "To: ")
    if newer.size < older.size:
        return report.fault("shrunk", "to", f"{newer.size} events, and {older.size} before")
    if not is_consistent(older, newer, unbase64_hashes(proof["hashes"])):
        return report.fault("proof_fails", "hashes")
    return report.say(f"The tree of size {newer.size} begins with the whole tree of size {older.size}.")


def run_receipt(args: argparse.Namespace, keys: list[Key], report: Report) -> None:
    proof = parse_proof(read(args.file), RECEIPT_PROOF)
    if proof is None:
        return report.fault("malformed", "proof")
    receipt, event = proof["receipt"], proof["event"]
    about = f"{show(receipt['wallet'])} {receipt['seq']}"
    if not is_whole(event):
        report.fault("edited", "event")
    elif any(event[name] != receipt[name] for name in ("wallet", "seq", "hash")):
        report.fault("receipt_mismatch", "receipt", about)
    say_keys(keys, report, "nothing says that the receipt's event is in any ledger")
    note = judge(parse_note(proof["checkpoint"].encode()), keys, report, "checkpoint")
    if note is None:
        return None
    say_signed(note, report)
    if not leads(receipt["hash"], proof, note):
        return report.fault("proof_fails", "hashes", about)
    report.say(f"The event with the receipt's hash is leaf {proof['index']} of its tree.")
    return None if report.faults else report.cover(note.size, note)


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
    if hashlib.sha256(match[1].encode() + b"\n" + public).digest()[:4].hex() != match[2]:
        raise Unreadable(f"the public key {show(text)} does not have its key id")
    return Key(match[1], bytes.fromhex(match[2]), public[1:])


def parse_note(data: bytes) -> Note | None:
    try:
        text = data.decode()
    except ValueError:
        return None
    match = NOTE.fullmatch(text) if len(text) <= LONGEST_NOTE else None
    if match is None or int(match[3]) > SAFE:
        return None
    signatures = [(name, unbase64(encoded)) for name, encoded in SIGNATURE.findall(match[5])]
    if len(signatures) > MOST_SIGNATURES:
        return None
    root = unbase64(match[4])
    # Other signers may have signatures of other lengths.
    if root is None or len(root) != 32 or any(signature is None or len(signature) < 5 for _, signature in signatures):
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
    if len(signature) != 64:
        return False
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


def climb(at: int, last: int, node: bytes, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """The roots of the tree up to `at` and of the whole one, as sections 2.1.3.2 and 2.1.4.2 of RFC 9162 have it."""
    old = new = node
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            old, new = inner_hash(sibling, old), inner_hash(sibling, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = inner_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return (old, new) if last == 0 else None


def leads(event_hash: str, proof: dict, note: Note) -> bool:
    path = unbase64_hashes(proof["hashes"])
    if path is None or not HEX_HASH.fullmatch(event_hash) or not 0 <= proof["index"] < note.size:
        return False
    roots = climb(proof["index"], note.size - 1, leaf_hash(bytes.fromhex(event_hash)), path)
    return roots is not None and roots[1] == note.root


def is_consistent(older: Note, newer: Note, path: list[bytes] | None) -> bool:
    if path is None:
        return False
    if older.size in (0, newer.size):
        return not path and older.root == (newer.root if older.size == newer.size else Tree().root())
    if older.size & (older.size - 1) == 0:
        path = [older.root, *path]
    at, last = older.size - 1, newer.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    return bool(path) and climb(at, last, path[0], path[1:]) == (older.root, newer.root)


# JSON


def number(text: str) -> int | float:
    """A number that is no whole one within the bounds becomes NaN, which cannot be written again."""
    value = float(text)
    return int(value) if abs(value) <= SAFE and value.is_integer() else math.nan


def refuse(what: object) -> object:
    raise ValueError(f"not allowed: {what!r:.40}")


def unique(pairs: list[tuple[str, object]]) -> dict:
    """Parsers differ in which value of a name they take."""
    value = dict(pairs)
    return value if len(value) == len(pairs) else refuse("a name that stands twice")


NUMBERS = {"parse_int": number, "parse_float": number, "parse_constant": refuse}
UNIQUE = json.JSONDecoder(**NUMBERS, object_pairs_hook=unique)
# Of an event, a name that stands twice shows as its text.
DECODER = json.JSONDecoder(**NUMBERS)
COMPACT = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False, "check_circular": False}
ENCODER = json.JSONEncoder(**COMPACT)
SORTING_ENCODER = json.JSONEncoder(**COMPACT, sort_keys=True)

STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.S)
BRACKET = re.compile(r"[][{}]")
# Any escape; the group is there for half of a pair alone.
ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]|(u[dD][89a-fA-F])|.)")


def load(data: bytes, decoder: json.JSONDecoder) -> object:
    """ValueError where it is no JSON as the page has it."""
    text = data.decode()
    # Both are looked at in the text: what a later value of the same name replaces counts too.
    if text.count("[") + text.count("{") > DEEPEST and depth(text) > DEEPEST:
        refuse("nested too deep")
    value = decoder.decode(text)
    if "\\u" in text and any(ESCAPE.findall(text)):
        refuse("a lone surrogate")
    return value


def parse(data: bytes, shape: object, only: bool = False, decoder: json.JSONDecoder = UNIQUE) -> dict | None:
    try:
        value = load(data, decoder)
    except ValueError:
        return None
    return value if fits(value, shape, only) else None


def parse_proof(data: bytes, shape: dict) -> dict | None:
    proof = parse(data, shape)
    try:
        if proof is None or len(proof) != len(shape) or count_values(proof) > MOST_VALUES:
            return None
        canonical(proof)
    except ValueError:
        return None
    return proof


def fits(value: object, shape: object, only: bool = False) -> bool:
    """A tuple is for any of its items, an object for one with these fields: `only` these, or others too."""
    if isinstance(shape, type):
        # And not `isinstance`: to Python, true is an int.
        return type(value) is shape
    if isinstance(shape, dict):
        if type(value) is not dict or only and len(value) != len(shape):
            return False
        return all(name in value and fits(value[name], kind, only) for name, kind in shape.items())
    if isinstance(shape, list):
        return type(value) is list and all(fits(item, shape[0], only) for item in value)
    if isinstance(shape, tuple):
        return any(fits(value, kind, only) for kind in shape)
    if isinstance(shape, re.Pattern):
        return type(value) is str and shape.fullmatch(value) is not None
    return type(value) is type(shape) and value == shape


def depth(text: str) -> int:
    deepest = now = 0
    for bracket in BRACKET.findall(STRING.sub("", text)):
        now += 1 if bracket in "[{" else -1
        deepest = max(deepest, now)
    return deepest


def count_values(value: object) -> int:
    count, rest = 0, [value]
    while rest:
        value = rest.pop()
        count += 1
        rest += value.values() if type(value) is dict else value if type(value) is list else ()
    return count


def canonical(value: object) -> bytes:
    """The text that RFC 8785 gives. ValueError where there is a number that is not allowed."""
    text = SORTING_ENCODER.encode(value)
    # Python sorts by code points, which above U+FFFF are in another order than code units.
    return (text if text.isascii() else ENCODER.encode(by_code_units(value))).encode()


def by_code_units(value: object) -> object:
    if isinstance(value, dict):
        return {name: by_code_units(value[name]) for name in sorted(value, key=code_units)}
    return [by_code_units(item) for item in value] if isinstance(value, list) else value


def code_units(text: str) -> bytes:
    return text.encode("utf-16-be")


def same(left: object, right: object) -> bool:
    # To Python, true is 1.
    return canonical(left) == canonical(right)


def sha256_of(value: object) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


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


# Files


def read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:
        return file.read()


def read_receipts(name: str) -> list[dict]:
    receipts = parse(read(name), ([RECEIPT], RECEIPT))
    if receipts is None:
        raise Unreadable(f"{name} holds something that is no receipt")
    return receipts if isinstance(receipts, list) else [receipts]


def show(text: str) -> str:
    """A name from a file, so that it cannot do anything to a terminal."""
    return json.dumps(text)


if __name__ == "__main__":
    sys.exit(main())
