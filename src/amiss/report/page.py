"""The summary as one HTML file: everything inside, nothing loaded, all text from data escaped."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np

from amiss.evaluate import named_measures
from amiss.report import plots, search
from amiss.report.card import model_card, table
from amiss.report.curves import pictures
from amiss.report.plots import esc
from amiss.report.strings import say, translated

Summary = dict[str, Any]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(found: Summary) -> str:
    """HTML of what :func:`amiss.report.summarise.summarise` returns."""
    lang = found["lang"]
    asset = files("amiss.report")
    body = "".join(
        part(found, lang)
        for part in (
            _head, _notes, _groups, _threshold, _rows, _quality, search.learning, search.tuning, _columns, _map,
            _faults, _training, model_card,
        )
    )  # fmt: skip
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><link rel="icon" href="data:,">'
        f"<title>{esc(say('report.title', lang))}: {esc(found['source'])}</title>"
        f"<style>{asset.joinpath('page.css').read_text('utf-8')}</style></head><body>"
        f'<a class="skip" href="#strangest">{esc(say("report.skip", lang))}</a><main>{body}'
        f"<footer>{esc(say('report.footer', lang, version=found['amiss']))}</footer></main>"
        f'<div id="tip" role="status" hidden></div>'
        f'<script type="application/json" id="data">{_embedded(found, lang)}</script>'
        f"<script>{asset.joinpath('page.js').read_text('utf-8')}</script></body></html>"
    )


def _embedded(found: Summary, lang: str) -> str:
    """What the script needs, as JSON that cannot end its own element."""
    dots = {d["row"] for d in found["map"]}
    told = {r["row"]: r["sentence"][:200] for r in found["rows"] if r["row"] in dots and r.get("sentence")}
    words = {k: say(f"report.{k}", lang) for k in ("precision", "recall", "score")} | {
        "row": say("row", lang, row="{row}")
    }
    kept = {
        "slider": found["slider"], "edges": found["histogram"]["edges"], "log": found["histogram"]["log"], "told": told,
        "words": words,
    }  # fmt: skip
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _section(key: str, lang: str, body: str, name: str = "") -> str:
    mark = f' id="{name}"' if name else ""
    return f"<section{mark}><h2>{esc(say(key, lang))}</h2>{body}</section>"


def _head(found: Summary, lang: str) -> str:
    verdict, card = found["verdict"], found["card"]
    learned = sum(1 for c in found["card"].get("features", [])) or len(found["columns"])
    numbers = {
        "report.rows": f"{verdict['rows']:,}", "report.flagged": f"{verdict['flagged']:,}",
        "report.columns": f"{card.get('learned', learned):,}", "report.detector": str(card.get("detector", "")),
    }  # fmt: skip
    told = "".join(f"<div><b>{esc(v)}</b><small>{esc(say(k, lang))}</small></div>" for k, v in numbers.items())
    warned = "".join(f'<p class="warn">{esc(w)}</p>' for w in verdict["warnings"])
    return (
        f'<header><small>{esc(found["source"])}</small><h1 id="verdict">{esc(verdict["sentence"])}</h1>'
        f'<div class="numbers">{told}</div>{warned}</header>'
    )


def _notes(found: Summary, lang: str) -> str:
    notes = [esc(translated(n, lang)) for n in found["notes"]]
    if not notes:
        return ""
    body = "".join(f"<li>{n}</li>" for n in notes[:40])
    return f"<details><summary>{esc(say('report.notes', lang))} ({len(notes)})</summary><ul>{body}</ul></details>"


def _groups(found: Summary, lang: str) -> str:
    if not found["groups"]:
        return ""
    items = []
    for group in found["groups"][:12]:
        rows = ", ".join(map(str, group["rows"][:200])) + (" …" if len(group["rows"]) > 200 else "")
        told = esc(say("report.group_rows", lang, rows=rows))
        items.append(f"<details><summary>{esc(group['sentence'])}</summary><p><small>{told}</small></p></details>")
    return _section("report.groups", lang, "".join(items), "groups")


def _threshold(found: Summary, lang: str) -> str:
    slider, bins = found["slider"], found["histogram"]
    outputs = ["count", "share", "cut"] + (["precision", "recall"] if "hits" in slider else [])
    keys = {"count": "flagged"}
    shown = "".join(
        f'<div><b id="o-{name}">-</b><small>{esc(say("report." + keys.get(name, name), lang))}</small></div>'
        for name in outputs
    )
    edges = list(np.log10(bins["edges"])) if bins["log"] else bins["edges"]
    label = say("report.log_score" if bins["log"] else "report.score", lang)
    picture = plots.histogram(
        bins["counts"], edges, say("report.histogram", lang), label, say("report.count", lang),
        counts_marked=bins["flagged"], extra='id="scores"', power=bins["log"],
    )  # fmt: skip
    picture = picture.replace("</svg>", '<path id="cutline" class="cut" d=""/></svg>')
    body = (
        f'<div class="numbers" aria-live="polite">{shown}</div>'
        f'<label class="noprint" for="cut">{esc(say("report.move", lang))}</label>'
        f'<input class="noprint" type="range" id="cut" min="0" max="{len(slider["cut"]) - 1}" '
        f'value="{slider["start"]}">'
        f"{picture}<small>{esc(say('report.histogram', lang))}</small>"
    )
    return _section("report.threshold", lang, body, "threshold")


def _rows(found: Summary, lang: str) -> str:
    labelled = any(r["y"] is not None for r in found["rows"])
    keys = ["row", "score", "p", "why", "change"] + (["label"] if labelled else [])
    numeric = {"row", "score", "p"}
    scores = [r["score"] for r in found["rows"]]
    falling = scores == sorted(scores, reverse=True)  # flagged rows come first, whatever their scores
    head = "".join(
        f'<th scope="col"{CLASS_N if k in numeric else ""}{SORTED if falling and k == "score" else ""}>'
        f'<button type="button">{esc(say("report." + k, lang))}</button></th>'
        for k in keys
    )
    body = "".join(_row(row, labelled, lang) for row in found["rows"])
    told = say("report.listed", lang, count=f"{len(found['rows']):,}", rows=f"{found['verdict']['rows']:,}")
    listed = (
        f'<p class="soft">{esc(told)}</p><p class="noprint">'
        f'<label for="search">{esc(say("report.search", lang))}</label><br>'
        f'<input type="search" id="search"> <small id="found" role="status"></small></p>'
        f'<div class="wide" tabindex="0" role="region" aria-label="{esc(say("report.strangest", lang))}">'
        f'<table id="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
    return _section("report.strangest", lang, listed, "strangest")


CLASS_N, SORTED = ' class="n"', ' aria-sort="descending"'


def _row(row: Summary, labelled: bool, lang: str) -> str:
    why = row.get("reasons") or []
    main = [r for i, r in enumerate(why[:3]) if i == 0 or r["share"] >= 0.15]
    reasons = "<br>".join(esc(r["sentence"]) for r in main) or esc(say("reason.none", lang))
    change = row.get("change")
    label = {1: "anomaly", 0: "normal", -1: "unlabelled"}.get(row["y"] if row["y"] is not None else 9)
    cells = [
        f'<td class="n" data-v="{row["row"]}">{row["row"]}</td>',
        f'<td class="n" data-v="{row["score"]}">{row["score"]:.4g}</td>',
        f'<td class="n" data-v="{row["p_value"]}">{row["p_value"]:.3g}</td>',
        f"<td>{reasons}{_details(row, lang)}</td>",
        f"<td>{esc(change['sentence']) if change else ''}</td>",
    ]
    if labelled:
        cells.append(f"<td>{esc(say('report.' + label, lang)) if label else ''}</td>")
    flag = ' class="flag"' if row["is_anomaly"] else ""
    return f'<tr id="r{row["row"]}" tabindex="-1" data-score="{row["score"]}"{flag}>{"".join(cells)}</tr>'


def _details(row: Summary, lang: str) -> str:
    if not row.get("cells"):
        return ""
    alike = row.get("alike", [])
    head = "".join(f'<th scope="col">{esc(say("report.like", lang, row=a["row"]))}</th>' for a in alike)
    lines = "".join(
        f'<tr><th scope="row">{esc(name)}</th><td>{_cell(value)}</td>'
        + "".join(f"<td>{_cell(a['cells'].get(name))}</td>" for a in alike)
        + "</tr>"
        for name, value in row["cells"].items()
    )
    return (
        f"<details><summary>{esc(say('report.details', lang))}</summary><table><thead><tr><td></td>"
        f'<th scope="col">{esc(say("report.this", lang))}</th>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></details>"
    )


def _cell(text: str | None) -> str:
    return "-" if text is None else f"<bdi>{esc(text)}</bdi>"


def _quality(found: Summary, lang: str) -> str:
    told, curves = found["evaluation"], found["curves"]
    if told is None or curves is None:
        return ""
    lines = [
        [name, f"{value:.3f}", f"{low:.3f} .. {high:.3f}", f"{chance:.3f}"]
        for name, value, (low, high), chance in named_measures(told, lang)
    ]
    heads = [say(f"report.{k}", lang) for k in ("measure", "value", "interval", "chance")]
    drawn = pictures(curves, told["confusion_matrix"], lang)
    return _section("report.quality", lang, f"{table(heads, lines)}{drawn}", "quality")


def _columns(found: Summary, lang: str) -> str:
    cards = []
    for column in found["columns"]:
        title = f"{column['column']}"
        if "edges" in column:
            edges, dates = column["edges"], column["kind"] == "datetime"
            picture = plots.histogram(
                column["counts"], edges, title, "", "", counts_marked=column["flagged"], width=360, height=150,
                dates=dates,
            )  # fmt: skip
        elif column.get("words"):
            picture = plots.categories(
                [w[:22] for w in column["words"]], column["counts"], column["flagged"], title, width=360
            )
        else:
            picture = ""
        notes = [say(f"kind.{column['kind']}", lang)]
        if column["blame"]:
            notes.append(say("report.blame", lang, share=f"{100 * column['blame']:.0f} %"))
        if column.get("missing"):
            notes.append(say("report.missing_cells", lang, count=f"{column['missing']:,}"))
        cards.append(f'<div class="card"><h3>{esc(title)}</h3><small>{esc("; ".join(notes))}</small>{picture}</div>')
    learned = found["card"].get("learned", len(cards))
    told = [say("report.bars", lang)]
    if learned > len(cards):
        told.append(say("report.more_columns", lang, shown=len(cards), count=learned))
    head = "".join(f'<p class="soft">{esc(text)}</p>' for text in told)
    return _section("report.distributions", lang, f'{head}<div class="grid">{"".join(cards)}</div>')


def _map(found: Summary, lang: str) -> str:
    if not found["map"]:
        return ""
    picture = plots.scatter(found["map"], say("report.map", lang))
    return _section("report.map", lang, f'<p class="soft">{esc(say("report.map_note", lang))}</p>{picture}')


def _faults(found: Summary, lang: str) -> str:
    leaks = "".join(
        f'<p class="warn">{esc(say("report.leak", lang, column=k["column"], auc=format(k["roc_auc"], ".3f")))}</p>'
        for k in found["leaks"]
    )
    if not found["faults"]:
        return _section("report.faults", lang, leaks + f"<p>{esc(say('report.no_faults', lang))}</p>")
    heads = [say(f"report.{k}", lang) for k in ("column", "kind", "missing", "note")]
    lines = [
        [
            f["column"],
            say(f"kind.{f['kind']}", lang),
            f"{100 * f['missing']:.1f} %" if f["missing"] else "",
            translated(f["note"], lang),
        ]
        for f in found["faults"]
    ]
    return _section("report.faults", lang, leaks + table(heads, lines), "faults")


def _training(found: Summary, lang: str) -> str:
    history = [h for h in found["training"] if h.get("loss") is not None]
    if len(history) < 2:
        return ""
    epochs = [h["epoch"] for h in history]
    lines = [("a", epochs, [h["loss"] for h in history])]
    if all(h.get("validation") is not None for h in history):
        lines.append(("b", epochs, [h["validation"] for h in history]))
    title = say("report.training", lang)
    watched = "report.loss" if found["watched"] == "loss" else "report.loss_judged"
    picture = plots.curve(lines, title, say("report.epoch", lang), say(watched, lang), unit=False)
    return _section("report.training", lang, picture)
