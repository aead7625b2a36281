#!/usr/bin/env python3
"""Says where a source file includes what its layer may not know.  The table is the rule; ARCHITECTURE.md explains it."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PUBLIC = "fusebox"  # include/fusebox, the public API
# Its plain values: no tree, no waiting.
VALUES = {f"fusebox/{name}.h" for name in ("attr", "fault", "fd", "lock", "name", "request", "result")}

# Layer -> what its files may include besides their own layer.
MAY_INCLUDE = {
    PUBLIC: set(),
    "base": VALUES,  # implements them
    "coro": VALUES | {"fusebox/task.h", "fusebox/executor.h"},  # implements them
    "system": {PUBLIC},
    "wire": VALUES | {"base"},
    "door": VALUES | {"base", "wire", "fusebox/backing.h"},  # implements it
    "tree": {"base", PUBLIC},
    "dispatch": {"base", "wire", "door", "tree", PUBLIC},
    "policy": VALUES | {"base"},
    "audit": VALUES | {"base"},
    "store": {"base", PUBLIC},
    "cow": {"base", "store", PUBLIC},
    "guard": {"base", "policy", "audit", PUBLIC},
    "action": VALUES | {"base", "policy", "audit", "http"},
    "hook": {"base", "policy", "audit", "guard", "action", "ruby", PUBLIC},
    "review": VALUES | {"base"},
    "gentoo": VALUES | {"base", "policy", "audit", "guard"},
    "reporter": set(),
    "seccomp": VALUES | {"base"},
    "box": VALUES | {"base", "seccomp"},
    "http": VALUES,
    "ruby": VALUES | {"base", "http"},
    "ruby_seccomp": VALUES | {"base", "seccomp", "ruby"},
    "script": {"base", "ruby", PUBLIC},
    "mount": {"base", "wire", "door", "dispatch", PUBLIC},
    "examples": {PUBLIC},
}
FREE = {"cli"}  # wires everything together

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<(fusebox/[^>]+)>)')


def layer_of(path):
    parts = path.relative_to(ROOT).parts
    return {"include": PUBLIC, "examples": "examples"}.get(parts[0], parts[1])


def complaints(path):
    layer = layer_of(path)
    if layer in FREE:
        return
    if layer not in MAY_INCLUDE:
        yield f"{path.relative_to(ROOT)}: unknown layer '{layer}' (add it to tools/check_layers.py and ARCHITECTURE.md)"
        return
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = match[1] or match[2]
        target = included.split("/")[0] if "/" in included else layer if layer == "examples" else None
        if target != layer and not {target, included} & MAY_INCLUDE[layer]:
            allowed = ", ".join(sorted({layer} | MAY_INCLUDE[layer]))
            yield f"{path.relative_to(ROOT)}:{number}: {layer} may not include \"{included}\" (only: {allowed})"


def main():
    folders = [ROOT / "include", ROOT / "src", ROOT / "examples"]
    files = sorted(f for folder in folders for f in folder.rglob("*") if f.suffix in {".h", ".cc"})
    found = [complaint for file in files for complaint in complaints(file)]
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
