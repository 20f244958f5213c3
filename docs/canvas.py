"""Draws docs/canvas.svg from a real run:

./palimpsest generate --watch "…" 2>&1 >/dev/null | python3 docs/canvas.py > docs/canvas.svg
"""

import html
import re
import sys

STEPS = [1, 29, 36, 39, 42, 45, 48]
WIDTH, LINE, CHAR = 860, 30, 12.6
MASK, NEW, OLD, STEP = "#444444", "#2e9e44", "#4f7fc9", "#888888"


def canvas(line):
    return int(line[:4]), line[10:]


def main():
    frames = dict(canvas(line.rstrip("\n")) for line in sys.stdin if line[:4].strip().isdigit() and line[4:5] == " ")
    last = max(frames)
    shown = [step for step in STEPS if step <= last]
    final = frames[last].split("∎")[0]
    # columns are those of the finished text: a token keeps its place, and a mask is as wide as what will stand there
    height = LINE * len(shown) + 24
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">')
    print("<title>A canvas of masks filling with a worked answer</title>")
    print('<style>text{font:20px ui-monospace,Menlo,Consolas,monospace;white-space:pre}</style>')
    print(f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#f6f6f4"/>')
    before = ""
    for row, step in enumerate(shown):
        y = LINE * (row + 1) + 4
        print(f'<text x="16" y="{y}" fill="{STEP}">step {step:>2}</text>')
        column = 0
        text = aligned(frames[step], final)
        for position, character in enumerate(text):
            fresh = position >= len(before) or before[position] != character
            color = MASK if character == "░" else NEW if fresh else OLD
            if character != " ":
                x = 120 + CHAR * column
                print(f'<text x="{x:.1f}" y="{y}" fill="{color}">{html.escape(character)}</text>')
            column += 1
        before = text
    print("</svg>")


def aligned(frame, final):
    """The frame with every mask as wide as the token that will stand there, cut at the end of the text."""
    out, at, i = "", 0, 0
    while at < len(final) and i < len(frame):
        if frame[i] == "░":
            width = piece(final, at)
            out += "░" * width
            at += width
        elif frame[i] == "∎":
            break
        else:
            out += frame[i]
            at += 1
        i += 1
    return out


def piece(text, at):
    match = re.match(r"[.:] (?=\d)| Answer", text[at:])
    return len(match[0]) if match else 1


if __name__ == "__main__":
    main()
