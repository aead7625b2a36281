#!/usr/bin/env python3
"""Lists the longest files and functions, for a reviewer to look at.  Fails nothing: a number is not a judgement."""

import pathlib
import re
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent
# clang-format has been here: a function starts on a line with a parenthesis that ends in '{', and ends with a '}' at the
# same indent.
START = re.compile(r"^(?P<indent> {0,4})(?! |namespace|class|struct|enum|union|if|for|while|switch|do|else|return|#|//)"
                   r".*\(.*\{$|^(?P<wrapped> {0,4})\S.*\)(?: const| noexcept| override| final)* \{$")
NAME = re.compile(r"([\w:~]+)\s*\(")


def functions(path):
    lines = path.read_text(errors="replace").splitlines()
    number = 0
    while number < len(lines):
        match = START.match(lines[number])
        if match:
            indent = match["indent"] if match["indent"] is not None else match["wrapped"]
            end = next((n for n in range(number + 1, len(lines)) if lines[n].startswith(indent + "}")), number)
            name = NAME.search(lines[number])
            yield end - number + 1, f"{path.relative_to(ROOT)}:{number + 1} {name[1] if name else '?'}"
            number = end
        number += 1


def main():
    files = [f for folder in ("include", "src") for f in (ROOT / folder).rglob("*") if f.suffix in {".h", ".cc"}]
    sizes = sorted(((len(f.read_text(errors="replace").splitlines()), str(f.relative_to(ROOT))) for f in files), reverse=True)
    lengths = sorted((found for f in files for found in functions(f)), reverse=True)
    if not sizes:
        return
    print(f"{len(sizes)} files, median {statistics.median(n for n, _ in sizes):.0f} lines; the longest:")
    for lines, name in sizes[:10]:
        print(f"{lines:6} {name}")
    print("the longest functions:")
    for lines, name in lengths[:15]:
        print(f"{lines:6} {name}")


if __name__ == "__main__":
    main()
