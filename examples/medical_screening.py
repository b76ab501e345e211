"""Medical screening: find nine in ten malignant tumours, and say how sure that is. The table is scikit-learn's.

The model may leave the hospital: it keeps no patient's row.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import amiss
from amiss.decision import Rule, operating_point
from amiss.demo import tumours


def main(folder: Path, **options: Any) -> dict[str, float]:
    table = tumours()
    model = amiss.fit(table, label="diagnosis", rule=Rule("recall", 0.9), examples=False, **options)
    model.save(folder / "screening.amiss")
    promised = operating_point(model.decision)
    for name in ("recall", "precision"):
        low, high = promised[f"{name}_low"], promised[f"{name}_high"]
        print(f"{name} on held-out tumours {promised[name]:.0%}, between {low:.0%} and {high:.0%}")
    print(amiss.load(folder / "screening.amiss").explain(table, rows=1))
    return promised


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
