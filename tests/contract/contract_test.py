#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the whole tree must agree on: the contract in its three languages, folders' dependencies, licences, documents.

usage: contract_test.py [--build DIR]

Run in the top folder. Prints each violation with what would be right, and one line of results.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join("include", "contract"), os.path.join("hw", "docs")]
import card      # noqa: E402
import generate  # noqa: E402

REFERENCE = "docs/reference/contract.md"
REASONS = "docs/reference/reasons.md"
CARD = "docs/reference/card.md"
# A folder's sources may include these; tests may include anything.
ARROWS = {
    "include": {"include"},
    "hw/model": {"include", "hw/model"},
    "hw/xdp": {"include", "hw/model", "hw/xdp"},
    "sim": {"include", "hw/model", "sim"},
    "host": {"include", "hw/model", "hw/xdp", "host"},
    "firmware": {"include", "firmware"},
    "driver/xdp": {"include", "driver", "driver/xdp", "hw/model", "hw/xdp"},  # its program's maps; before the folder it is in
    "driver": {"include", "driver"},
}
LICENSED = (".c", ".h", ".cpp", ".sv", ".svh", ".sh", ".py", ".yaml", ".yml", ".mk", ".ld", ".S", ".tcl", ".ys")
GENERATED = re.compile(r"(^build/|\.(o|a|so|d|elf|bin|pyc|vcd|fst|pcap|pcapng|log)$|__pycache__|^core(\.|$))")


def tracked():
    """Tracked files that are there (a file may be on its way out)."""
    names = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    return [n for n in names if n and os.path.exists(n)]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def check_reference(args):
    if read(REFERENCE) != generate.to_md(generate.load()):
        yield f"{REFERENCE} is not what include/contract says: run `make docs`"
    if read(REASONS) != generate.to_reasons(generate.load()):
        yield f"{REASONS} is not what include/contract says: run `make docs`"
    try:
        drawn = card.page()
    except card.rtl.Unreadable as e:
        yield f"hw/docs/card.py: {e}: it reads only what is written as the other RTL"
        return
    if read(CARD) != drawn:
        yield f"{CARD} is not what hw/rtl, include/contract, hw/formal and firmware/link.ld say: run `make docs`"


# C and SystemVerilog ---------------------------------------------------------------------------------------------
def c_probe(header):
    """A C program that prints every name of the generated header with its value, in the SystemVerilog names."""
    text = re.sub(r"/\*.*?\*/", "", read(header), flags=re.S)
    text = text[:text.index("static inline")]
    out = ["#include <stdio.h>", '#include "sluice/contract.h"', "int main(void) {"]

    def show(name, expression):
        out.append(f'printf("{name} %llu\\n", (unsigned long long)({expression}));')
    for name, argument in re.findall(r"#define SL_(\w+)(\(i\))? ", text):
        if argument:
            show(name, f"SL_{name}(0)")
            show(name + "_STRIDE", f"SL_{name}(1) - SL_{name}(0)")
        elif not re.search(r"^(BAR|CSR|MGMT)_(BASE|SIZE)$", name):
            show(name, "SL_" + name)
    for body in re.findall(r"enum sl_\w+ \{(.*?)\};", text, flags=re.S):
        for name in re.findall(r"SL_(\w+) =", body):
            show(name, "SL_" + name)
    for struct, body in re.findall(r"struct sl_(\w+) \{(.*?)\};", text, flags=re.S):
        show(struct.upper() + "_BITS", f"8 * sizeof(struct sl_{struct})")
        for field in re.findall(r"(\w+)(?:\[\d+\])?;", body):
            show(f"{struct}_{field}_LSB".upper(), f"8 * offsetof(struct sl_{struct}, {field})")
            show(f"{struct}_{field}_W".upper(), f"8 * sizeof(((struct sl_{struct} *)0)->{field})")
    return "\n".join(out + ["return 0; }", ""])


def c_values(build):
    folder = os.path.join(build, "tests", "contract")
    os.makedirs(folder, exist_ok=True)
    source, program = os.path.join(folder, "probe.c"), os.path.join(folder, "probe")
    with open(source, "w", encoding="utf-8") as f:
        f.write(c_probe(os.path.join(build, "include", "sluice", "contract.h")))
    subprocess.run(["gcc", "-std=c11", "-I" + os.path.join(build, "include"), source, "-o", program], check=True)
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split("\n")
    return {name: int(value) for name, value in (line.split() for line in lines if line)}


def sv_values(build):
    values = {}
    for name, base, digits in re.findall(r"localparam [\w\[\]: ]*?(\w+)\s*=\s*(?:\d+'([dh]))?([0-9a-fA-F]+);",
                                         read(os.path.join(build, "rtl", "sl_pkg.sv"))):
        values[name] = int(digits, 16 if base == "h" else 10)
    return values


def check_languages(args):
    c, sv = c_values(args.build), sv_values(args.build)
    if min(len(c), len(sv)) < 700:
        yield f"only {len(c)} names found in C and {len(sv)} in SystemVerilog: the parser has lost them"
    for name in sorted(c.keys() | sv.keys()):
        if c.get(name) != sv.get(name):
            yield f"{name} is {c.get(name, 'absent')} in contract.h and {sv.get(name, 'absent')} in sl_pkg.sv"


# The generator's errors ------------------------------------------------------------------------------------------
# file, text, replacement, what the message must contain
BROKEN = [
    ("values.yaml", "name: KERNEL,          value: 1,", "name: KERNEL,          value: 0,", "reason.KERNEL: number 0 is already FORWARDED's"),
    ("values.yaml", "name: KERNEL,          value: 1,", "name: KERNEL,", "reason.KERNEL"),
    ("values.yaml", "name: WINDOW_BYTES,       value: 256,", "name: WINDOW_BYTES,", "WINDOW_BYTES"),
    ("values.yaml", "name: WINDOW_BYTES,       value: 256,", "name: WINDOW_BYTES,       value: many,", "WINDOW_BYTES"),
    ("structs.yaml", "{name: tenant, type: u16,", "{name: tenant, type: u32,", "key: fields take 42 bytes, not the stated 40"),
    ("structs.yaml", "{name: sport,  type: be16,", "{name: sport,  type: u8,", "key.dport: offset 33 is not a multiple of 2"),
    ("structs.yaml", "{name: tenant, type: u16,", "{name: tenant, type: u17,", "key.tenant"),
    ("structs.yaml", "{name: tenant, type: u16,", "{name: tenant,", "key.tenant"),
    ("structs.yaml", "  - name: key\n    size: 40", "  - name: key\n    size: 44", "key"),
    ("structs.yaml", "  - name: key\n    size: 40", "  - name: key", "key"),
    ("registers.yaml", "{name: ABI,         offset: 0x004, access: ro, doc: \"ABI_VERSION.\"}",
     "{name: ABI, offset: 0x002, access: ro, doc: \"x\"}", "bar.ABI"),
    ("registers.yaml", "{name: EPOCH,       offset: 0x014,", "{name: EPOCH,       offset: 0x010,", "csr.EPOCH: offset 0x10 is already CTRL's"),
    ("registers.yaml", "{name: EPOCH,       offset: 0x014,", "{name: EPOCH,", "csr.EPOCH"),
    ("registers.yaml", "blocks:", "blocks: [", "registers.yaml"),
]


def check_generator_errors(args):
    for name, text, replacement, wanted in BROKEN:
        with tempfile.TemporaryDirectory(dir=args.build) as folder:
            shutil.copytree("include/contract", folder, dirs_exist_ok=True)
            path = os.path.join(folder, name)
            source = read(path)
            if text not in source:
                yield f"include/contract/{name} has no \"{text}\": the list in this test has to follow it"
                continue
            with open(path, "w", encoding="utf-8") as f:
                f.write(source.replace(text, replacement, 1))
            done = subprocess.run([sys.executable, "-B", os.path.join(folder, "generate.py"), "--md",
                                   os.path.join(folder, "out.md")], capture_output=True, text=True, timeout=30)
            said = done.stderr.strip()
            if done.returncode == 0 or "Traceback" in said or not said.startswith("contract: ") or wanted not in said:
                last = said.split("\n")[-1] if said else "nothing"
                yield f"generator on {name} with \"{replacement[:50]}\": said \"{last}\", should name \"{wanted}\""


# The tree --------------------------------------------------------------------------------------------------------
def folder_of(path):
    for folder in ARROWS:
        if path.startswith(folder + "/"):
            return folder
    return None


def included(path, name):
    """The folder that an #include means, or None for the system's and generated ones of a tool."""
    if name.startswith("sluice/"):
        return "include"
    for candidate in (name, os.path.normpath(os.path.join(os.path.dirname(path), name))):
        if os.path.exists(candidate):
            return folder_of(candidate) or candidate.split("/")[0]
    return None


def check_dependencies(args):
    seen = 0
    for path in tracked():
        folder = folder_of(path)
        if folder is None or not path.endswith((".c", ".h", ".cpp")):
            continue
        for number, line in enumerate(read(path).split("\n"), 1):
            m = re.match(r'\s*#\s*include\s+["<]([^">]+)[">]', line)
            target = included(path, m.group(1)) if m else None
            seen += target is not None
            if target is not None and target not in ARROWS[folder]:
                yield f"{path}:{number}: {folder} includes {m.group(1)} of {target}; it may use {', '.join(sorted(ARROWS[folder]))}"
    if seen < 100:
        yield f"only {seen} includes found: the scan has lost them"


def check_generated(args):
    for path in tracked():
        if GENERATED.search(path):
            yield f"{path} is generated and must not be tracked"
        elif path.endswith((".h", ".sv", ".json")) and "do not edit" in read(path)[:400].lower():
            yield f"{path} says that it is generated, and is tracked"


def check_licences(args):
    for path in tracked():
        head = read(path)[:400]
        script = "." not in os.path.basename(path) and head.startswith("#!")
        if not path.endswith(LICENSED) and not script and os.path.basename(path) != "Makefile":
            continue
        line = next((s for s in head.split("\n")[:3] if "SPDX-License-Identifier:" in s), None)
        if line is None:
            yield f"{path}: no SPDX line at its top"
        elif "BSD-3-Clause" not in line:
            yield f"{path}: {line.strip()} should be BSD-3-Clause"


def documents():
    return sorted(f for f in tracked() if f.endswith(".md") and (f.count("/") == 0 or f.startswith(("docs/", "tests/"))))


def check_documents(args):
    files = set(tracked())
    folders = {os.path.dirname(f) for f in files}
    folders |= {p for f in list(folders) for p in ("/".join(f.split("/")[:n]) for n in range(1, f.count("/") + 1))}
    tops = {f.split("/")[0] for f in files if "/" in f}

    def exists(path):
        path = path.rstrip("/")
        return path in files or path in folders or os.path.exists(path)
    for path in documents():
        for number, line in enumerate(read(path).split("\n"), 1):
            for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if "://" not in link and not exists(os.path.normpath(os.path.join(os.path.dirname(path), link))):
                    yield f"{path}:{number}: link to {link}, which is not there"
            for name in re.findall(r"`([\w.\-]+/[\w./\-]*)`", line):
                if name.split("/")[0] in tops and not exists(name):
                    yield f"{path}:{number}: names {name}, which is not there"


# Commands that documents give ---------------------------------------------------------------------------------------
def code_of(path):
    """(line number, text) of what a page marks as code: spans, fences, indented lines."""
    fenced = False
    for number, line in enumerate(read(path).split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield number, line.strip()
        else:
            yield from ((number, span) for span in re.findall(r"`([^`]+)`", line))


def make_targets():
    """Names before a colon in the Makefile and the rules of the folders."""
    targets = set()
    for path in tracked():
        if os.path.basename(path) == "Makefile" or path.endswith(".mk"):
            for names in re.findall(r"^([\w-][\w \-]*):(?!=)", read(path), flags=re.M):
                targets |= set(names.split())
    return targets


def cli_verbs():
    """{object: its verbs} of the command line's table; None is an object without verb."""
    table = re.search(r"verb verbs\[\] = \{(.*?)\n\};", read("host/cli.c"), flags=re.S)
    verbs = {}
    for name, verb in re.findall(r'\{ "(\w+)", (NULL|"\w+"),', table.group(1) if table else ""):
        verbs.setdefault(name, set()).add(None if verb == "NULL" else verb.strip('"'))
    return verbs


def check_commands(args):
    targets, verbs, seen_make, seen_cli = make_targets(), cli_verbs(), 0, 0
    if len(targets) < 30 or len(verbs) < 5:
        yield f"only {len(targets)} targets and {len(verbs)} objects of the command line found: the parser has lost them"
    for path in documents():
        for number, text in code_of(path):
            for name in re.findall(r"(?:^|[;&$] |sudo )make (?:[A-Z_]+=\S+ )*([a-z][\w-]*)", text):
                seen_make += 1
                if name not in targets:
                    yield f"{path}:{number}: `make {name}`, which is no target"
            m = re.match(r"(?:\$ |sudo )?(?:build/bin/)?sluice(?: +-j| +--json| +-s +\S+)* +([a-z]+)(?: +(\S+))?", text)
            if m:
                seen_cli += 1
                name, verb = m.groups()
                if name not in verbs:
                    yield f"{path}:{number}: `sluice {name}`, which is no object"
                elif None not in verbs[name] and verb and re.fullmatch(r"[a-z]+", verb) and verb not in verbs[name]:
                    yield f"{path}:{number}: `sluice {name} {verb}`; there is {', '.join(sorted(verbs[name]))}"
    if seen_make < 40 or seen_cli < 8:
        yield f"only {seen_make} uses of make and {seen_cli} of sluice found in documents: the scan has lost them"
    listed = {(name, verb or None) for name, verb in
              re.findall(r"^\| `([a-z]+)(?: ([a-z]+))?", read("docs/cli.md"), flags=re.M)}
    for name, verb in sorted({(n, v) for n in verbs for v in verbs[n]} ^ listed, key=str):
        if name != "help":
            yield f"docs/cli.md and host/cli.c differ: only one has `{name}{' ' + verb if verb else ''}`"


CHECKS = [("reference pages are up to date", check_reference), ("C and SystemVerilog agree", check_languages),
          ("generator's errors name the field", check_generator_errors), ("dependencies point one way", check_dependencies),
          ("nothing generated is tracked", check_generated), ("every source has its licence", check_licences),
          ("documents name what exists", check_documents), ("documents give commands that exist", check_commands)]


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build", default="build")
    args = p.parse_args()
    failed = 0
    for name, check in CHECKS:
        wrong = list(check(args))
        failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'ok'}: {name}")
        for line in wrong[:40]:
            print(f"  {line}")
    print(f"contract: {len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
