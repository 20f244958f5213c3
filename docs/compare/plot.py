"""Takes two charts out of compare.html and puts them side by side: python docs/compare/plot.py writes plot.svg."""

import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
TITLES = ("Tokens/s of all requests", "Right answers, %")
WIDTH, HEIGHT, LEGEND = 520, 300, 28


def main():
    page = (HERE / "compare.html").read_text()
    style = re.search(r"<style>(.*?)</style>", page, re.S).group(1)
    charts = [svg for svg in re.findall(r"<svg.*?</svg>", page, re.S) if "class='title'" in svg]
    names = re.findall(r"<li>.*?<strong>(.*?)</strong>", page, re.S)
    chosen = [next(svg for svg in charts if f"aria-label='{title}'" in svg) for title in TITLES]
    parts = []
    for column, svg in enumerate(chosen):
        parts.append(re.sub("<svg", f"<svg x='{column * WIDTH}' y='{LEGEND}' width='{WIDTH}' height='{HEIGHT}'", svg, count=1))
    x = 66
    for number, name in enumerate(names):
        parts.append(f"<circle class='c{number}' cx='{x}' cy='12' r='4'/><text x='{x + 10}' y='16'>{name}</text>")
        x += 40 + 7 * len(name)
    style = style.replace("body{background:var(--back)", "svg.page{background:var(--back)")
    (HERE / "plot.svg").write_text(
        f"<svg class='page' xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {2 * WIDTH} {HEIGHT + LEGEND}' role='img'>"
        f"<title>Accuracy and speed at several concurrencies</title><style>{style}</style>{''.join(parts)}</svg>\n"
    )


if __name__ == "__main__":
    main()
