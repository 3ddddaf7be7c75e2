"""The head of the front page: one sentence of what came out, its counts, and what nobody may overlook."""

from collections import Counter
from collections.abc import Mapping
from html import escape

from bench.recording.aftermath import NOT_VERIFIED
from bench.verdicts import FAILED, SELDOM, WORDS, counts_in_words
from reports.front.pieces import title
from reports.front.shown import Shown
from reports.markup import CLASS
from reports.nights.section import headline as news
from reports.outcome import ORDER
from reports.panels import readable
from reports.results import environment

WHO = {"CHARGER FAIL": "the charger", "MANAGER FAIL": "the energy manager"}


def head(shown: Shown) -> dict[str, str]:
    """Its parts by their names in the template."""
    counts = Counter(test.verdict for test in shown.tests)
    allure, back = shown.links.allure, shown.links.back
    return {
        "alarm": _alarm(shown),
        "headline": escape(headline(counts)),
        "counts": escape(" ".join(filter(None, (counts_in_words(counts), news(shown.since.last))))),
        "bench": _bench_lines(shown),
        "subtitle": escape(_subtitle(shown)),
        "back": f'<p class="back subtitle"><a href="{escape(back)}">{_above(shown)}</a></p>' if back else "",
        "chips": _chips(counts),
        "allure": f'<a class="button" href="{allure}">Allure report</a>' if allure else "",
    }


def _above(shown: Shown) -> str:
    return "The whole session" if shown.part else "The front page"


def headline(counts: Mapping[str, int]) -> str:
    """Say in one sentence what came out, the pack first, the bench apart from it."""
    total = sum(counts.values())
    if not total:
        return "No test was run: nothing is known of the pack."
    judged = sum(counts.get(verdict, 0) for verdict in ("PASS", *FAILED.values(), "INCONCLUSIVE"))
    if counts.get("FAIL"):
        text = f"The pack failed {counts['FAIL']} of {total} tests"
    elif counts.get("PASS") == total:
        return f"The pack passed all {total} tests." if total > 1 else "The pack passed the only test."
    else:
        text = f"The pack passed {counts.get('PASS', 0)} of {total} tests and failed none"
    text += "".join(f"; {who} failed {counts[verdict]}" for verdict, who in WHO.items() if counts.get(verdict))
    missing = total - judged
    return f"{text}; {missing} ended without a verdict on the pack." if missing else f"{text}."


def _subtitle(shown: Shown) -> str:
    manifests = shown.manifests
    if not manifests:
        return "No run was recorded."
    facts = environment(manifests)
    started = min(str(manifest.get("started") or "") for manifest in manifests)[:16].replace("T", " ")
    bench_time = readable(sum(float(manifest.get("duration") or 0.0) for manifest in manifests))
    place = f"{facts['Pack']} on {facts['Station']}"
    return f"{place}, revision {facts.get('Revision', 'unknown')}, {started} UTC, {bench_time} of bench time"


def _alarm(shown: Shown) -> str:
    """What nobody may overlook, before everything else: a bench to switch off by hand, a session that never ended.

    All of it, the most urgent first: nothing that is loud stands back for what is louder.
    """
    left: dict[str, list[str]] = {}
    for test in shown.tests:
        if test.bench == NOT_VERIFIED:
            left.setdefault(test.left, []).append(title(test, shown.links))
    unsafe = "".join(
        f'<p class="alarm"><strong>{escape(words)}</strong> It was left so by {", ".join(by)}.</p>'
        for words, by in left.items()
    )
    session = shown.session
    if session is None:
        return unsafe
    told = (session.unfinished, session.trouble, *session.expired_lines())
    return unsafe + "".join(f'<p class="alarm">{escape(text)}</p>' for text in told if text)


def _bench_lines(shown: Shown) -> str:
    """What waivers cover, and how every run left the bench, in the words of the terminal; what is an alarm is above."""
    session = shown.session
    if session is None or shown.part:
        return ""
    unsafe = any(test.bench == NOT_VERIFIED for test in shown.tests)
    lines = (*session.waived_lines(), *([] if unsafe else session.bench_lines()))
    return "".join(f'<p class="subtitle">{escape(line)}</p>' for line in lines)


def _chips(counts: Mapping[str, int]) -> str:
    return "".join(
        f'<span class="chip {CLASS[verdict]}{"" if counts.get(verdict) else " none"}">'
        f"<b>{counts.get(verdict, 0)}</b> {WORDS[verdict]}</span>"
        for verdict in ORDER
        if verdict not in SELDOM or counts.get(verdict)
    )
