"""The report of a series: the signal with its bands, the events, the channels to blame. Summary -> one HTML file."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np

import amiss
from amiss.plain import finite
from amiss.report.card import card_of, model_card
from amiss.report.curves import curves, pictures
from amiss.report.page import POLICY
from amiss.report.plots import esc
from amiss.report.strings import say, translated, word
from amiss.series.detect import Judged, SeriesDetection
from amiss.series.events import Event
from amiss.series.frame import Series, TimeTable, time_words

Summary = dict[str, Any]
MOST_SERIES, MOST_CHANNELS, MOST_BINS = 12, 12, 8000  #: that are drawn
MOST_VALUES = 240_000  #: that all pictures are drawn from
HEAT_BINS, HEAT_CHANNELS = 240, 48
LISTED, DETAILED, DETAIL = 100, 40, 240  #: events listed; drawn step by step in the zoom; steps of one


def summarise_series(found: SeriesDetection, lang: str = "en", command: str = "") -> Summary:
    """Everything that the page shows, as a dictionary fit for JSON: verdict, series, events, notes, measures, card."""
    by_name = {s.name: s for s in found.table.series}
    ranked = sorted(found.judged, key=lambda name: -max((e.event.score for e in found.judged[name].events), default=0))
    drawn = ranked[:MOST_SERIES]
    events = found.events.height
    rows = int(found.frame["is_anomaly"].sum())
    numbers = {"count": f"{events:,}", "rows": f"{rows:,}", "all": f"{found.frame.height:,}"}
    sentence = ("timeline.none", "timeline.one")[events] if events < 2 else "timeline.some"
    notes = list(found.notes)
    if len(drawn) < len(ranked):
        notes.append(say("timeline.more_series", lang, shown=len(drawn), count=f"{len(ranked):,}"))
    pictures = [
        _picture(found.table, by_name[name], found.judged[name], len(drawn), notes, lang)
        | {"labelled": _labelled(found.y, by_name[name])}
        for name in drawn
    ]
    listed = [
        _listed(found.table, by_name[name], one, i, lang)
        for i, name in enumerate(drawn) for one in found.judged[name].events
    ]  # fmt: skip
    known = found.card | {"channels": len(found.table.channels)}
    return finite(
        {
            "amiss": amiss.__version__, "lang": lang, "source": found.raw.source,
            "sentence": say(sentence, lang, **numbers), "flagged_by": found.rule,
            "causal": found.causal, "rows": found.frame.height, "events": events, "flagged": rows,
            "channels": found.table.channels, "series": pictures, "notes": list(dict.fromkeys(notes)),
            "listed": sorted(listed, key=lambda event: -event["score"])[:LISTED],
            "evaluation": found.evaluation, "curves": _curves(found),
            "card": card_of(known, found.rule, found.raw.digest(), command),
        }
    )  # fmt: skip


def _curves(found: SeriesDetection) -> Summary | None:
    """Curves and confusion matrix of all labelled rows that have a score; None where not both kinds are among them."""
    if found.y is None:
        return None
    score = found.frame["score"].cast(float).to_numpy()
    known = (found.y >= 0) & np.isfinite(score)
    y, flagged = found.y[known], found.frame["is_anomaly"].to_numpy()[known]
    if not (y == 1).any() or not (y == 0).any():
        return None
    counts = [[int(((y == truth) & (flagged == said)).sum()) for said in (False, True)] for truth in (0, 1)]
    return curves(y, score[known]) | {"confusion_matrix": counts}


def _labelled(y: np.ndarray | None, series: Series) -> list[list[float]]:
    """[first, last] time of every run of labelled steps that are anomalies; steps without a label part none."""
    if y is None:
        return []
    known = (series.place >= 0) & (y >= 0)
    label = np.full(len(series.values), -1)
    np.maximum.at(label, series.place[known], y[known])
    steps = np.flatnonzero(label >= 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], label[steps], [0]])))
    return [[float(series.times[steps[at]]) for at in (a, b - 1)] for a, b in zip(edges[::2], edges[1::2])]


def _picture(
    table: TimeTable, series: Series, judged: Judged, among: int, notes: list[str], lang: str
) -> Summary:  # fmt: skip
    """What is drawn of a series: per channel the least and greatest value of every bin, and its band."""
    x, (low, high) = series.values, judged.look.band()
    heat, at, shares = _heat(judged)
    blame = np.zeros(x.shape[1])
    for one in judged.events:
        for cause in one.causes:
            blame[table.channels.index(cause.channel)] += cause.share * one.event.score
    order = np.lexsort((-shares.sum(0), -blame))
    chosen = order[:MOST_CHANNELS].tolist()
    bins = int(min(len(x), MOST_BINS, max(200, MOST_VALUES // (4 * among * len(chosen)))))
    edges = np.linspace(0, len(x), bins + 1).round().astype(int)[:-1]
    if len(chosen) < x.shape[1]:
        notes.append(say("timeline.more_channels", lang, shown=len(chosen), count=f"{x.shape[1]:,}"))
    if bins < len(x):
        notes.append(say("timeline.sampled", lang, bins=f"{bins:,}", steps=f"{len(x):,}"))

    def part(i: int) -> Summary:
        column = x[:, i]
        least = np.fmin.reduceat(column, edges)
        most = np.fmax.reduceat(column, edges) if bins < len(x) else None
        return {
            "name": table.channels[i], "min": _short(least), "max": None if most is None else _short(most),
            "low": _short(low[edges, i]), "high": _short(high[edges, i]),
        }  # fmt: skip

    closest = sorted(judged.events, key=lambda one: -one.event.score)[:DETAILED] if bins < len(x) else []
    return {
        "name": series.name, "steps": len(x), "dates": table.parser.startswith(("date", "epoch")),
        "times": _short(series.times[edges] - series.times[0], 8), "first": float(series.times[0]),
        "last": float(series.times[-1]), "channels": [part(i) for i in chosen],
        "score": _short(np.maximum.reduceat(judged.score, edges)),
        "events": [[float(series.times[e.event.first]), float(series.times[e.event.last])] for e in judged.events],
        "heat": {"times": _short(series.times[at] - series.times[0], 8), "channels": [table.channels[i] for i in
                 order[:HEAT_CHANNELS]], "cells": heat[:, order[:HEAT_CHANNELS]].T.tolist()},
        "detail": [_detail(series, one.event, x, low, high, chosen[:4]) for one in closest],
    }  # fmt: skip


def _heat(judged: Judged) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bins, channels) 0 to 99: share of the channels in the highest score of every bin; the bins' first steps."""
    score = judged.score
    edges = np.linspace(0, len(score), min(len(score), HEAT_BINS) + 1).round().astype(int)
    peaks = np.array([a + int(np.argmax(score[a:b])) for a, b in pairwise(edges)])
    shares = judged.look.shares(peaks)
    strength = score[peaks] - np.median(score)
    top = np.quantile(strength, 0.98) if not judged.events else max(e.event.score for e in judged.events) * 0.7
    part = shares * np.clip(strength / max(top, 1e-12), 0, 1)[:, None]
    return (99 * part).astype(int), edges[:-1], part


def _detail(
    series: Series, event: Event, x: np.ndarray, low: np.ndarray, high: np.ndarray, chosen: list[int]
) -> Summary:  # fmt: skip
    """The steps around an event, one by one."""
    room = max((DETAIL - event.steps) // 2, 0)
    a = max(event.first - room, 0)
    b = min(a + DETAIL, len(x))
    return {
        "times": _short(series.times[a:b] - series.times[0], 9),
        "channels": [{"i": k, "min": _short(x[a:b, i]), "low": _short(low[a:b, i]), "high": _short(high[a:b, i])}
                     for k, i in enumerate(chosen)],
    }  # fmt: skip


def _listed(table: TimeTable, series: Series, one: Any, place: int, lang: str) -> Summary:
    event = one.event
    start, end, peak = (time_words(table, series.times[i]) for i in (event.first, event.last, event.peak))
    return {
        "series": series.name, "place": place, "start": start, "end": end, "peak": peak, "steps": event.steps,
        "score": event.score, "p_value": event.p_value, "from": float(series.times[event.first]),
        "to": float(series.times[event.last]),
        "why": [cause.told(time_words(table, series.times[cause.step]), lang) for cause in one.causes],
    }  # fmt: skip


def _short(values: np.ndarray, digits: int = 4) -> list[float | None]:
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in values.tolist()]


# --- page -------------------------------------------------------------------------------------------------------------


def series_page(found: Summary) -> str:
    """HTML of what :func:`summarise_series` returns: everything inside, nothing loaded, text from data escaped."""
    lang, asset = found["lang"], files("amiss.report")
    css = "".join(asset.joinpath(name).read_text("utf-8") for name in ("page.css", "timeline.css"))
    body = "".join(part(found, lang) for part in (_head, _notes, _pictures, _events, _measures, model_card))
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><link rel="icon" href="data:,">'
        f"<title>{esc(say('report.title', lang))}: {esc(found['source'])}</title><style>{css}</style></head><body>"
        f'<a class="skip" href="#events">{esc(say("timeline.skip", lang))}</a><main>{body}'
        f"<footer>{esc(say('report.footer', lang, version=found['amiss']))}</footer></main>"
        f'<div id="tip" role="status" hidden></div>'
        f'<script type="application/json" id="data">{_embedded(found, lang)}</script>'
        f"<script>{asset.joinpath('timeline.js').read_text('utf-8')}</script></body></html>"
    )


def _embedded(found: Summary, lang: str) -> str:
    """What the script needs, as JSON that cannot end its own element."""
    words = {k: say(f"timeline.{k}", lang) for k in ("score", "typical", "value", "share")}
    text = json.dumps({"series": found["series"], "words": words}, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _head(found: Summary, lang: str) -> str:
    numbers = {
        "timeline.events": f"{found['events']:,}", "report.rows": f"{found['rows']:,}",
        "timeline.channels": f"{len(found['channels']):,}", "report.detector": str(found["card"].get("detector", "")),
    }  # fmt: skip
    told = "".join(f"<div><b>{esc(v)}</b><small>{esc(say(k, lang))}</small></div>" for k, v in numbers.items())
    ahead = say("timeline.causal" if found["causal"] else "timeline.ahead", lang)
    return (
        f'<header><small>{esc(found["source"])}</small><h1 id="verdict">{esc(found["sentence"])}</h1>'
        f'<div class="numbers">{told}</div><p class="soft">{esc(ahead)}</p></header>'
    )


def _notes(found: Summary, lang: str) -> str:
    body = "".join(f"<li>{esc(translated(n, lang))}</li>" for n in found["notes"][:40])
    head = f"{esc(say('report.notes', lang))} ({len(found['notes'])})"
    return f"<details><summary>{head}</summary><ul>{body}</ul></details>" if body else ""


def _pictures(found: Summary, lang: str) -> str:
    parts = []
    for i, one in enumerate(found["series"]):
        title = one["name"] or say("timeline.signal", lang)
        buttons = "".join(
            f'<button type="button" data-do="{do}" aria-label="{esc(say("timeline." + do, lang))}">{sign}</button>'
            for do, sign in (("in", "+"), ("out", "-"), ("left", "←"), ("right", "→"), ("all", "⤢"))
        )
        heat = len(one["heat"]["channels"]) > 1
        strips = "".join(
            f'<figure><figcaption>{esc(c["name"])}</figcaption><canvas data-channel="{k}" role="img" '
            f'aria-label="{esc(c["name"])}"></canvas></figure>'
            for k, c in enumerate(one["channels"])
        )
        score, heated = (
            f"<figure><figcaption>{esc(say(key, lang))}</figcaption>"
            f'<canvas {marks} role="img" aria-label="{esc(say(key, lang))}"></canvas></figure>'
            for key, marks in (("timeline.score", 'class="low" data-score="1"'), ("timeline.heat", 'data-heat="1"'))
        )
        parts.append(
            (f"<h3>{esc(title)}</h3>" if len(found["series"]) > 1 else "")
            + f'<div class="series" id="s{i}" data-place="{i}" tabindex="0"><div class="tools noprint">{buttons}'
            f'<output class="soft"></output></div>{strips}{score}{heated if heat else ""}</div>'
        )
    keys = ["timeline.hint"] + ["timeline.labelled"] * any(one["labelled"] for one in found["series"])
    hint = f'<p class="soft">{esc(" ".join(say(key, lang) for key in keys))}</p>'
    return f'<section id="signal"><h2>{esc(say("timeline.signal", lang))}</h2>{hint}{"".join(parts)}</section>'


def _events(found: Summary, lang: str) -> str:
    many = len(found["series"]) > 1
    keys = (["series"] if many else []) + ["start", "end", "steps", "score", "p", "why"]
    head = "".join(f'<th scope="col">{esc(say("timeline." + k, lang))}</th>' for k in keys)
    lines = []
    for event in found["listed"]:
        why = "<br>".join(esc(w) for w in event["why"])
        link = (
            f'<a href="#s{event["place"]}" data-place="{event["place"]}" data-from="{event["from"]}" '
            f'data-to="{event["to"]}">{esc(event["start"])}</a>'
        )
        cells = ([esc(event["series"])] if many else []) + [
            link, esc(event["end"]), f"{event['steps']:,}", f"{event['score']:.3g}", f"{event['p_value']:.3g}", why,
        ]  # fmt: skip
        lines.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    if not lines:
        return ""
    told = say("timeline.listed", lang, count=f"{len(lines):,}", all=f"{found['events']:,}")
    return (
        f'<section id="events"><h2>{esc(say("timeline.events", lang))}</h2><p class="soft">{esc(told)}</p>'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
        "</section>"
    )


def _measures(found: Summary, lang: str) -> str:
    names = ("vus_pr", "vus_roc", "auc_pr", "affiliation_f1", "event_precision", "event_recall", "event_f1")
    lines = "".join(
        f'<tr><th scope="row">{esc(name)}</th>' + "".join(f"<td>{_number(told.get(n))}</td>" for n in names) + "</tr>"
        for name, told in found["evaluation"].items()
    )
    head = "<td></td>" + "".join(f'<th scope="col">{esc(word("measure", n, lang))}</th>' for n in names)
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    drawn = "" if found["curves"] is None else pictures(found["curves"], found["curves"]["confusion_matrix"], lang)
    body = (table if lines else "") + drawn
    return f'<section id="quality"><h2>{esc(say("report.quality", lang))}</h2>{body}</section>' if body else ""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
