"""Renders the templates of this folder with Jinja2, set as Transformers sets it, and writes golden.json.

python -m pip install jinja2==3.1.6; python golden.py
"""

import json
import pathlib

import jinja2
from jinja2 import ext, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).resolve().parent


class Generation(ext.Extension):
    """A block that only marks what it holds."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_text"), [], [], body).set_lineno(line)

    def _text(self, caller):
        return caller()


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


CONVERSATIONS = {
    "one": [("user", "What\n is it?")],
    "three": [("user", " Hi you?\n"), ("assistant", "<thoughts>\nhm\n</thoughts>\n\nYes."), ("user", "Sure?")],
    "rules": [
        ("system", "Be {{ brief }}. "),
        ("user", "One\n\ntwo\nthree\nfour"),
        ("assistant", "Well"),
        ("system", "Again"),
        ("user", "<result>x</result>"),
        ("assistant", "<thoughts>a</thoughts>b"),
    ],
    "tools": [("user", "Hi"), ("tool", "42"), ("tool", "43"), ("assistant", "ok")],
}


def environment():
    jinja = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, ext.loopcontrols]
    )
    jinja.filters["tojson"] = to_json
    jinja.globals["raise_exception"] = raise_exception
    return jinja


def main():
    jinja = environment()
    templates = [(each.name, each.read_text(), list(CONVERSATIONS)) for each in sorted(HERE.glob("*.jinja"))]
    for number, line in enumerate((HERE / "lines.txt").read_text().splitlines(), 1):
        templates.append((f"line {number}", line, ["three"]))
    cases = []
    for name, template, conversations in templates:
        for conversation in conversations:
            for generate in (True, False) if name.endswith(".jinja") else (True,):
                turns = [{"role": role, "content": content} for role, content in CONVERSATIONS[conversation]]
                case = {"name": name, "template": template, "messages": turns, "add_generation_prompt": generate}
                try:
                    case["text"] = jinja.from_string(template).render(
                        messages=turns,
                        tools=None,
                        documents=None,
                        add_generation_prompt=generate,
                        bos_token="<s>",
                        eos_token="</s>",
                    )
                except Exception:
                    case["fails"] = True
                cases.append(case)
    (HERE / "golden.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
