"""Holds what operators read against the program.

The rules of Prometheus use only series that src/telemetry exports; each runbook of an alert is a heading of
docs/operations.md; docs/operations.md has each exported series and no other. Prints each difference; exits 1 if there
is one.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERIES = re.compile(r"\bqingting_[a-z0-9_]+")
# what Prometheus makes out of a histogram
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def exported() -> set[str]:
    source = "".join(path.read_text() for path in (ROOT / "src/telemetry").glob("*.rs") if "test" not in path.name)
    return set(re.findall(r'"(qingting_[a-z0-9_]+)"', source))


def named_in(path: Path, known: set[str]) -> set[str]:
    names = set(SERIES.findall(path.read_text()))
    return {name if name in known else SUFFIX.sub("", name) for name in names}


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def main() -> int:
    known = exported()
    operations = ROOT / "docs/operations.md"
    rules = ROOT / "deploy/prometheus/rules.yml"
    runbooks = set(re.findall(r"runbook: docs/operations\.md#(\S+)", rules.read_text()))
    problems = [f"rules.yml: {name} is not exported" for name in sorted(named_in(rules, known) - known)]
    problems += [f"rules.yml: no heading #{name} in operations.md" for name in sorted(runbooks - anchors(operations))]
    problems += [f"operations.md: {name} is not exported" for name in sorted(named_in(operations, known) - known)]
    problems += [f"operations.md: {name} is missing" for name in sorted(known - named_in(operations, known))]
    if not known:
        problems.append("src/telemetry: no series found")
    print("\n".join(problems) or f"{len(known)} series agree")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
