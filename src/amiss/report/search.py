"""The parts of a report that tell of a search for parameters, and of a learning curve."""

from __future__ import annotations

from typing import Any

from amiss.report import plots
from amiss.report.plots import esc
from amiss.report.strings import say, translated, word

Summary = dict[str, Any]
SHOWN = 15  #: trials that are listed


def tuning(found: Summary, lang: str) -> str:
    """Trials, the best so far, and what the winner is worth; nothing where nothing was searched."""
    told = found.get("tuning")
    if not told:
        return ""
    held, gain = told["held_out"], told["held_out"]["gain"]
    low, high = held["winner"]["interval"]["average_precision"]
    words = say(
        "report.tuned", lang, trials=len(told["trials"]), folds=told["folds"], best=told["best"],
        rows=f"{held['rows']:,}", anomalies=f"{held['anomalies']:,}", low=f"{low:.3f}", high=f"{high:.3f}",
        winner=f"{held['winner']['average_precision']:.3f}", default=f"{held['default']['average_precision']:.3f}",
        gain=f"{gain['value']:+.3f}", gain_low=f"{gain['low']:+.3f}", gain_high=f"{gain['high']:+.3f}",
    )  # fmt: skip
    done = [t for t in told["trials"] if t["state"] == "done"]
    best = [max(t["score"] for t in done[: i + 1]) for i in range(len(done))]
    title, numbers = say("report.best_so_far", lang), [t["trial"] for t in done]
    picture = "" if len(done) < 2 else plots.curve(
        [("a", numbers, best), ("c", numbers, [t["score"] for t in done])], title, say("report.trial", lang),
        word("measure", told["metric"], lang), unit=False,
    )  # fmt: skip
    heads = [say(f"report.{k}", lang) for k in ("trial", "value", "state", "seconds", "parameters")]
    top = sorted(told["trials"], key=lambda t: (t["state"] != "done", -(t["score"] or 0.0)))[:SHOWN]
    lines = "".join(
        f'<tr><th scope="row">{t["trial"]}</th><td>{"" if t["score"] is None else format(t["score"], ".3f")}</td>'
        f"<td>{esc(word('state', t['state'], lang))}</td><td>{t['seconds']:.1f}</td>"
        f"<td>{esc(' '.join(f'{k}={v}' for k, v in t['parameters'].items()))}</td></tr>"
        for t in top
    )
    head = "".join(f'<th scope="col">{esc(h)}</th>' for h in heads)
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    return (
        f'<section id="tuning"><h2>{esc(say("report.tuning", lang))}</h2><p>{esc(words)}</p>{picture}{table}</section>'
    )


def learning(found: Summary, lang: str) -> str:
    """Average precision over the number of labels; nothing where no curve was drawn."""
    told = found.get("learning")
    if not told:
        return ""
    lines = [("b", told["labels"], told["low"]), ("b", told["labels"], told["high"])]
    lines.append(("a", told["labels"], told["average_precision"]))
    title = say("report.learning", lang)
    axes = say("report.labels", lang), say("report.average_precision", lang)
    picture = plots.curve(lines, title, *axes, unit=False) if len(told["labels"]) > 1 else ""
    words = esc(translated(told["sentence"], lang))
    return f'<section id="learning"><h2>{esc(title)}</h2><p>{words}</p>{picture}</section>'
