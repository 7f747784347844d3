# SPDX-License-Identifier: BSD-3-Clause
"""The places where the RTL can be broken, and one RTL that holds many mutants at once.

A mutant changes one operator, constant, condition, index or assignment. As each would be a build of minutes by itself, chosen
ones are all put into one copy of the RTL, each behind a condition on its number, and the number is read when a simulation
starts (environment SL_MUTANT, 0 for none): `a == b` becomes `(sl_mutant_pkg::id == 7 ? (a != b) : (a == b))`. The condition
is around the whole expression that the change is in (what is between parentheses, commas or an assignment and its
semicolon), so that widths and precedence stay as they were. What must be constant when the RTL is elaborated is left alone
(parameters, ranges, generate loops), as is what only simulation or proofs read.
"""
import collections
import hashlib
import re

# (name, pattern, replacement): each match in a line of logic is one mutant.
OPERATORS = [
    ("equal", r"==(?!=)", "!="), ("unequal", r"!=(?!=)", "=="),
    ("less", r"(?<=[\w)\]] )<(?= )", "<="), ("greater", r"(?<=[\w)\]] )>(?= )", ">="),
    ("at least", r"(?<=[\w)\]] )>=(?= )", ">"),
    ("and", r"&&", "||"), ("or", r"\|\|", "&&"), ("bit and", r"(?<= )&(?= )", "|"), ("bit or", r"(?<= )\|(?= )", "&"),
    ("exclusive or", r"(?<= )\^(?= )", "|"), ("plus", r"(?<= )\+(?= )", "-"), ("minus", r"(?<=[\w)\]] )-(?= )", "+"),
    ("left", r"<<", ">>"), ("right", r">>(?!>)", "<<"), ("not", r"!(?=[\w(])", ""),
    ("constant", r"(?<=\d'd)\d+", lambda m: str(int(m.group()) ^ 1)),
    ("bit", r"(?<='b)[01]\b", lambda m: str(1 - int(m.group()))),
    ("index", r"(?<=\w\[)\d+(?=\])", lambda m: str(int(m.group()) + 1 if m.group() == "0" else int(m.group()) - 1)),
    ("swapped choice", r"\? (\w+) : (\w+)(?=[;,])", r"? \2 : \1"),
]
NEGATED = re.compile(r"\bif \(")
DROPPED = re.compile(r"(?<=\s)\w+(\[[\w:\-+* ]+\])?\s*<= [^;]+;(?=[ \t]*$)", re.M)
NO_LOGIC = re.compile(r"^\s*(`|\(\*|input|output|parameter|localparam|module|endmodule|function|package|for \("
                      r"|typedef|initial|a_\w+: assert|(end else )?if \(.*begin : )|localparam|\bparameter\b")
OPEN, CLOSE = "([{", ")]}"

# line: the one that changes; old, new: its code; start, end: of the text that `text` replaces, or where many mutants are in
# one copy `schema`, in which %s is the mutant's number
Mutant = collections.namedtuple("Mutant", "path line name old new start end text schema")


def without_comments(text):
    """The same length, with spaces for comments."""
    return re.sub(r"//[^\n]*", lambda m: " " * len(m.group()), text)


def border(code, at, step, ends=""):
    """From a place on, left or right (step), to the bracket around it, or to one of `ends` outside further brackets."""
    away, around = (CLOSE, OPEN) if step < 0 else (OPEN, CLOSE)
    depth, i = 0, at
    while 0 <= i < len(code):
        if code[i] in away:
            depth += 1
        elif depth == 0 and (code[i] in around or code[i] in ends):
            return i
        elif code[i] in around:
            depth -= 1
        i += step
    return i


def of_parameters(code, at):
    """Whether the bracket around a place is that of an instance's parameters."""
    i = border(code, at - 1, -1)
    return i > 0 and code[:i].rstrip().endswith("#")


def expression(code, at):
    """(start, end) of the whole expression around a place, or None where it is none, or has to be constant."""
    i = border(code, at - 1, -1, ";,")
    start = i + 1
    before = code[max(0, i - 60):i]
    if i < 0 or code[i] == ";":
        # A statement: what is right of its assignment.
        depth = 0
        for k in range(start, at):
            c = code[k]
            depth += (c in OPEN) - (c in CLOSE)
            if depth == 0 and ((c == "=" and code[k - 1] not in "=!<>" and code[k + 1] != "=")
                               or (code[k:k + 2] == "<=" and code[k + 2] != "=")):
                start = k + (2 if c == "<" else 1)
                break
        else:
            return None
    elif code[i] == "[" and re.search(r"logic\s*$", before):
        return None
    elif code[i] == "(" and re.search(r"\b(for|repeat)\s*$|#\s*$", before):
        return None
    elif of_parameters(code, i) and (code[i] == "," or re.search(r"\.\w+\s*$", before)):
        return None
    end = border(code, at, 1, ";,")
    inside = code[start:end]
    if code[end:end + 1] == "]" and ":" in re.sub(r"\([^()]*\)", "", inside):
        return None                                   # a range, or +: with its width
    if re.search(r"\b(begin|end|case|if|assign|logic)\b", inside):
        return None
    return start, end


def logic_lines(text, code):
    """[(start, end)] of the lines that hold logic."""
    found, logic, parameters, at = [], True, False, 0
    for line, bare in zip(text.split("\n"), code.split("\n")):
        if re.match(r"`ifn?def (SYNTHESIS|FORMAL)", line):
            logic = False
        elif line.startswith("`endif"):
            logic = True
        parameters = parameters or bare.lstrip().startswith("localparam")
        if logic and bare.strip() and not parameters and not NO_LOGIC.search(bare) and not re.match(r"^\s*logic\b[^=]*;", bare):
            found.append((at, at + len(bare)))
        parameters = parameters and ";" not in bare       # until the end of the statement
        at += len(line) + 1
    return found


def squeezed(text):
    return " ".join(text.split())


def mutants_of(path):
    """All mutants of one file."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    code = without_comments(text)
    found = []

    def add(name, change, region, new, schema):
        """change: (start, end, new text) of the smallest part that differs; region, new: what it is in."""
        at = code.rfind("\n", 0, change[0]) + 1
        line = code[at:code.find("\n", change[0])]
        changed = line[:change[0] - at] + change[2] + line[change[1] - at:]
        found.append(Mutant(path, text.count("\n", 0, at) + 1, name, squeezed(line), squeezed(changed), *region, new,
                            squeezed(schema)))

    for first, last in logic_lines(text, code):
        line = code[first:last]
        for name, pattern, replacement in OPERATORS:
            for match in re.finditer(pattern, line):
                at, to = first + match.start(), first + match.end()
                around = expression(code, at)
                if around is None:
                    continue
                start, end = around
                part = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
                new = code[start:at] + part + code[to:end]
                add(name, (at, to, part), around, new, f"(sl_mutant_pkg::id == %s ? ({new}) : ({code[start:end]}))")
        for match in NEGATED.finditer(line):
            around = expression(code, first + match.end())
            if around is not None:
                start, end = around
                new = f"!({code[start:end]})"
                add("negated", (start, end, new) if end <= last else (start, last, new[:last - start + 2]), around, new,
                    f"(sl_mutant_pkg::id == %s) != ({code[start:end]})")
        for match in DROPPED.finditer(line):
            start, end = first + match.start(), first + match.end()
            if match.group().count("(") == match.group().count(")"):      # otherwise a comparison
                add("dropped", (start, end, ";"), (start, end), ";",
                    f"begin if (sl_mutant_pkg::id != %s) {code[start:end]} end")
    return found


def choose(sources, count, seed):
    """The same number from each file as far as it has so many, none within another.

    The order is that of digests of the seed with what is changed, so that a change of the RTL elsewhere changes nothing of it.
    """
    def order(*what):
        return hashlib.sha256(repr((seed, *what)).encode()).digest()

    left = []
    for path in sorted(sources, key=order):
        alike, ordered = collections.Counter(), []
        for mutant in mutants_of(path):
            what = (path, mutant.old, mutant.new)
            ordered.append((order(*what, alike[what]), mutant))
            alike[what] += 1
        left.append([mutant for _, mutant in sorted(ordered, key=lambda o: o[0], reverse=True)])
    chosen, taken = [], collections.defaultdict(list)
    while len(chosen) < count and any(left):
        for each in left:
            while each and len(chosen) < count:
                mutant = each.pop()
                if all(mutant.end <= s or mutant.start >= e for s, e in taken[mutant.path]):
                    taken[mutant.path].append((mutant.start, mutant.end))
                    chosen.append(mutant)
                    break
    return chosen


def schema_of(path, mutants):
    """One file's text with the (number, mutant) that are its own."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for number, mutant in sorted(mutants, key=lambda m: -m[1].start):
        new = mutant.schema.replace("%s", str(number))
        text = text[:mutant.start] + " " + new + "\n" * text.count("\n", mutant.start, mutant.end) + text[mutant.end:]
    return text


def mutated(mutant):
    """The file's text with this mutant alone."""
    with open(mutant.path, encoding="utf-8") as f:
        text = f.read()
    return text[:mutant.start] + " " + mutant.text + text[mutant.end:]
