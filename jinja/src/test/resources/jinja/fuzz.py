"""Generates templates, renders them with Jinja2, set as Transformers sets it, and writes fuzz.json.

python -m pip install jinja2==3.1.6; python fuzz.py [COUNT [SEED]]

The sample in the repository is of 500 templates. To compare more, write more and run JinjaTemplateTest.
"""

import json
import pathlib
import random
import re
import sys
import warnings

from golden import environment

HERE = pathlib.Path(__file__).resolve().parent
MESSAGES = [
    {"role": "system", "content": " Be brief.\u2028Or\tnot "},
    {"role": "user", "content": "Why é😀 is\r\n x, 'it' \"so\"?\n"},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nßa ǆ 42"},
    {"role": "user", "content": ""},
]
TEXTS = [
    "", "a", "abc", " a b ", "A-b c", "é😀x", "a\u2028b\nc\r\nd", "it's a 3d o'neil", "ßa", "1e3", "1_000", "inf", "-7",
    "0x1f", " 12 ", "3.75", "x,y,,z", "aXbXc", "\u00a0b\u3000", "\x1cz", "{}", "%s", "tab\tq", "'", "\"", "\\", "ÀÉ", "ǆo",
    "\ufb01n", "<b>&", "½²³", "١", "a.b.c", "\x7f\u200b", "don't stop", "HELLO World", "_id9", "Σς",
]
INTS = ["0", "1", "2", "-1", "3", "7", "10", "255", "-13", "10**20", "2**70", "0x1F", "0b101", "1_000"]
FLOATS = ["0.5", "2.0", "-1.25", "2.567", "1e20", "1e-7", "3.14159", "123456789.125", "1e16", "0.1", "-0.0", "2.5"]
STRING_METHODS = [
    "upper()", "lower()", "title()", "capitalize()", "strip()", "lstrip()", "rstrip()", "casefold()", "swapcase()", "split()",
    "splitlines()", "splitlines(true)", "isdigit()", "isalpha()", "isalnum()", "isspace()", "isupper()", "islower()",
    "istitle()", "isnumeric()", "isdecimal()", "isidentifier()", "isprintable()", "isascii()", "expandtabs(4)", "zfill({i})",
    "center({i})", "ljust({i},'*')", "rjust({i},'é')", "find({s})", "rfind({s})", "index({s})", "rindex({s})", "count({s})",
    "startswith({s})", "endswith({s})", "replace({s},{s})", "replace({s},{s},{i})", "split({s})", "split({s},{i})",
    "rsplit({s},{i})", "rsplit(maxsplit={i})", "split(sep={s})", "partition({s})", "rpartition({s})", "removeprefix({s})",
    "removesuffix({s})", "join({l})", "strip({s})", "find({s},{i})", "find({s},{i},{i})", "count({s},{i})", "startswith(('a','b'))",
    "format({v},{v})", "startswith({s},{i})", "nosuch()", "strip(chars={s})", "encode", "rstrip(none)", "split(none,{i})",
]
STRING_FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "trim({s})", "length", "int", "float", "int({i})", "int(0,16)", "int(base=0)",
    "float({f})", "indent", "indent({i})", "indent({s},true)", "indent(2,first=true,blank=true)", "replace({s},{s})",
    "replace(old={s},new={s},count={i})", "list", "reverse", "first", "last", "wordcount", "center({i})", "truncate({i})",
    "truncate({i},true,'')", "truncate(length=5,leeway={i})", "escape", "string", "tojson", "tojson(ensure_ascii=true)",
    "urlencode", "striptags", "format({v})", "default({s})", "default({s},true)", "join({s})", "unique|list", "sort|list",
    "max", "min", "batch(2)|list", "nosuch={i}", "trim(char={s})", "e", "filesizeformat", "count",
]
LIST_FILTERS = [
    "length", "first", "last", "join", "join({s})", "join(d={s})", "list", "reverse|list", "sort", "sort(reverse=true)",
    "sort(case_sensitive=true)", "unique|list", "unique(case_sensitive=true)|list", "min", "max", "sum", "sum(start={i})",
    "map('upper')|list", "map('string')|join('/')", "map('int',default={i})|list", "select|list", "reject|list",
    "select('string')|list", "reject('number')|list", "select('gt',{i})|list", "select('==',{v})|list", "select('in',{l})|list",
    "batch({i})|list", "batch(3,{v})|list", "slice(2)|list", "slice(3,{v})|list", "tojson", "tojson(indent=2)",
    "tojson(separators=(',',':'))", "tojson(indent='\t')", "map('tojson')|list", "random_nosuch", "string", "map('length')|list",
    "select|first", "map('upper')|length", "map('lower')|last", "select('odd')|list", "select('divisibleby',2)|list",
    "map('default',{v})|list", "map('replace','a','b')|list", "first|default({v})", "map('trim')|sort|join('|')",
    "max(case_sensitive=true)", "min(attribute=0)", "sort(attribute='0')", "map(attribute=0)|list", "map(attribute='x',default={i})|list",
]
DICT_FILTERS = [
    "length", "list", "dictsort", "dictsort(by='value')", "dictsort(reverse=true)", "dictsort(true,'key',true)", "items|list",
    "tojson", "tojson(sort_keys=true)", "tojson(indent=1)", "tojson(indent=2,sort_keys=true,ensure_ascii=true)", "first", "join('-')",
    "string", "map('upper')|list", "sort", "last", "xmlattr", "items|first", "max", "urlencode",
]
MESSAGE_FILTERS = [
    "map(attribute='role')|list", "selectattr('role','equalto','user')|list", "rejectattr('role','eq','user')|map(attribute='content')|list",
    "selectattr('nosuch','defined')|list", "groupby('role')|list", "selectattr('content')|list|length", "map(attribute='role')|unique|join(',')",
    "sort(attribute='role')|map(attribute='role')|list", "sort(attribute='role,content',reverse=true)|first", "tojson", "tojson(indent=2)",
    "max(attribute='content')", "selectattr('role','in',['user','system'])|list|last", "groupby('role')|map(attribute='grouper')|list",
    "map(attribute='content.0')|list", "length", "last", "first", "rejectattr('content','string')|list", "reverse|list",
    "groupby('nosuch',default='z')|map('first')|list", "selectattr('role')|map('items')|map('list')|list", "sum(attribute='x',start=0)",
]
NUMBER_FILTERS = [
    "abs", "round", "round({i})", "round(2)", "round(1,'ceil')", "round(method='floor')", "int", "float", "string", "tojson",
    "filesizeformat", "filesizeformat(true)", "default({v})", "round(-1)", "length", "upper", "list",
]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "sequence",
    "iterable", "callable", "even", "odd", "divisibleby({i})", "divisibleby(num=2)", "eq({v})", "ne({v})", "lt({v})", "ge({v})",
    "in({l})", "sameas none", "lower", "upper", "equalto {v}", "not none", "not string", "in {l}", "lessthan(value={i})",
]
SPECS = [
    "", ">5", "<7", "^6", "*^9", "05", "+", " ", "d", "x", "#x", "#o", "b", ",", "_", "08.3f", ".2f", "e", ".3e", "g", ".4g", "%", ".1%",
    "s", ".2", "10.3s", "=+8", "c", "X", "#b", "_x", ",.2f", "é>4", "n", "#.3g", "-", "E", "012,", "zz",
]
PERCENTS = [
    "%s", "%d", "%5.2f", "%-6s|", "%05d", "%+d", "%x", "%#x", "%o", "%e", "%.3g", "%r", "%c", "%%", "%5s", "%.2s", "% d", "%i", "%X", "%G",
    "%(a)s", "%q", "%05.1f", "%a",
]
SPACES = ["", " ", "\n", "  \n", "\t", "\u00a0", "\u3000", "\n\n", "\x1c", "\r\n", "\u2028", "x", "é ", " y\n "]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def string(self):
        text = self.pick(TEXTS)
        quote = self.pick("'\"")
        out = []
        for c in text:
            if c == "\\" or c == quote:
                out.append("\\" + c)
            elif c == "\n":
                out.append("\\n")
            elif c == "\r":
                out.append("\\r")
            elif ord(c) > 126 and self.random.random() < 0.4:
                out.append("\\x%02x" % ord(c) if ord(c) < 256 else "\\u%04x" % ord(c) if ord(c) < 65536 else "\\U%08x" % ord(c))
            elif self.random.random() < 0.03 and c.isascii() and c.isalnum():
                out.append("\\%03o" % ord(c))
            else:
                out.append(c)
        return quote + "".join(out) + quote

    def filled(self, pattern):
        makers = {"s": self.string, "i": self.integer, "f": lambda: self.pick(FLOATS), "l": self.items, "v": self.value}
        return re.sub(r"\{([sifdlv])\}", lambda m: makers[m.group(1)](), pattern)

    def integer(self):
        return self.pick(["0", "1", "2", "3", "5", "-1", "-2", "8", "none", "true"]) if self.random.random() < 0.9 else self.pick(INTS)

    def number(self):
        return self.pick(INTS) if self.random.random() < 0.5 else self.pick(FLOATS)

    def items(self):
        length = self.random.randrange(4)
        make = self.pick([self.string, self.number, self.value, self.integer])
        inner = ",".join(make() for _ in range(length))
        return self.pick(["[" + inner + "]", "[" + inner + "]", "(" + inner + ",)" if length else "()", "range(%d)" % length])

    def dictionary(self):
        parts = [self.pick([self.string, self.string, self.integer])() + ":" + self.value() for _ in range(self.random.randrange(4))]
        return "{" + ",".join(parts) + "}"

    def value(self, depth=0):
        simple = [self.string, self.number, lambda: self.pick(["none", "true", "false", "nosuch", "messages[1].content", "messages[0]"])]
        if depth < 2 and self.random.random() < 0.2:
            return self.pick([self.items, self.dictionary])()
        return self.pick(simple)()

    def message_text(self):
        return "messages[%d].%s" % (self.random.randrange(4), self.pick(["content", "role"]))

    def text(self):
        return self.string() if self.random.random() < 0.7 else self.message_text()

    def expression(self):
        kind = self.random.randrange(16)
        if kind == 0:
            return self.text() + "." + self.filled(self.pick(STRING_METHODS))
        if kind == 1:
            return self.text() + "|" + self.filled(self.pick(STRING_FILTERS))
        if kind == 2:
            return self.items() + "|" + self.filled(self.pick(LIST_FILTERS))
        if kind == 3:
            return self.dictionary() + "|" + self.filled(self.pick(DICT_FILTERS))
        if kind == 4:
            return "messages|" + self.filled(self.pick(MESSAGE_FILTERS))
        if kind == 5:
            number = self.number()
            return ("(" + number + ")" if number.startswith("-") else number) + "|" + self.filled(self.pick(NUMBER_FILTERS))
        if kind == 6:
            return self.value() + " is " + self.filled(self.pick(TESTS))
        if kind == 7:
            return self.number() + self.pick([" + ", "-", "*", "/", "//", "%", "**"]) + self.pick(["2", "3", "-2", "0.5", self.number()])
        if kind == 8:
            return self.value() + self.pick([" + ", "*", " ~ ", " == ", " != ", " < ", " >= ", " in ", " not in ", " and ", " or "]) + self.value()
        if kind == 9:
            bounds = [self.pick(["", "0", "1", "2", "-1", "-2", "5", "none"]) for _ in range(3)]
            target = self.pick([self.text, self.items])()
            return target + "[" + self.pick([bounds[0] + ":" + bounds[1], ":".join(bounds), bounds[0] or "0", "'x'"]) + "]"
        if kind == 10:
            return "'{:%s}'.format(%s)" % (self.pick(SPECS), self.value())
        if kind == 11:
            return "'%s' %% %s" % (self.pick(PERCENTS), self.pick([self.value(), "(" + self.value() + ",)", "{'a':1}", "(1,2)"]))
        if kind == 12:
            return self.dictionary() + self.pick(
                [".items()", ".keys()|list", ".values()", ".get('a')", ".get('a',%s)" % self.value(), "['a']", ".a", "[1]", ".items()|list", ".copy()"]
            )
        if kind == 13:
            return "%s if %s else %s" % (self.value(), self.value(), self.value())
        if kind == 14:
            return self.value() + "|string|" + self.filled(self.pick(STRING_FILTERS))
        return self.pick(
            [
                "dict([('x',1)],y=2)", "dict(messages[0])", "dict([(1,2,3)])", "range(3)", "range(1,9,3)", "range(5,0,-2)|list", "range(3)[1]",
                "range(6)[1:4]", "-1|abs", "not 1 == 2", "1 < 2 < 3", "(1,)", "()", "[[1,[2]],{'a':(1,2)}]", "'a' 'b'", "messages|length",
                "namespace(a=1)", "'\\N{BULLET}\\x41\\q\\é'", "1.5e3", "0o17", "'{0[role]} {1.role!r:>9}'.format(*messages)",
                "'{a}{b}'.format(**{'a':1,'b':'x'})", "'{} {}'.format(1)", "'{{}}'.format(1)", "messages[0].items()", "joiner('-')()", "1.is_integer",
                "messages", "cycler('a','b').next()", "loop", "messages[-1]", "2**-1", "7//-2", "-7%3", "1/3", "2**0.5", "10**15/7",
                "true+true", "none ~ 1", "'a' < 'B'", "[1,2] < [1,3]", "(1,2) == [1,2]", "1 == 1.0 == true", "{1:2}[true]", "'%s' % [1,2]",
            ]
        )

    def tag(self, begin, body, end):
        signs = ["", "", "", "-", "+"]
        left, right = self.pick(signs), self.pick(["", "", "", "-"])
        return begin + left + self.pick([" ", "", "\n", "\u00a0 "]) + body + " " + right + end

    def statement(self, depth):
        kind = self.random.randrange(13 if depth < 2 else 5)
        block = lambda body: self.tag("{%", body, "%}")
        if kind < 4:
            return self.tag("{{", self.expression(), "}}").replace("{{+", "{{")
        if kind == 4:
            return self.pick([self.tag("{#", "note", "#}"), "{% raw %}{{ x }}\n{% endraw %}\n", "  {%- raw -%} \n{{ y }} {%- endraw -%} \n z", self.pick(SPACES)])
        if kind == 5:
            return block("if " + self.expression()) + self.body(depth) + self.pick(["", block("elif " + self.value()) + "e"]) + block("else") + self.body(depth) + block("endif")
        if kind == 6:
            target = self.pick(["i", "i", "i, j", "(i, j), k"])
            items = {"i": self.items(), "i, j": self.dictionary() + ".items()", "(i, j), k": "[((1,'b'),%s)]" % self.value()}[target]
            test = self.pick(["", "", " if i", " if i is string"])
            shown = self.pick(["i", "loop.index", "loop.last", "loop.revindex0", "loop.changed(i)", "loop.cycle('a','b')", "loop.previtem", "loop.depth", "loop.length", "loop.nextitem is defined"])
            body = "{{ %s }}" % shown + self.body(depth) + self.pick(["", "", block("if loop.index == 2") + block("break") + block("endif"), block("continue")])
            return block("for %s in %s%s" % (target, items, test)) + body + self.pick(["", block("else") + "none"]) + block("endfor")
        if kind == 7:
            return block("set v = " + self.expression()) + self.body(depth) + "{{ v }}"
        if kind == 8:
            return block("set v%s" % self.pick(["", " | upper", " | indent(2) | trim"])) + self.body(depth) + block("endset") + "[{{ v }}]"
        if kind == 9:
            name = "m%d" % depth
            parameters = self.pick(["a, b=%s" % self.value(), "a", "a, b=a", ""])
            inner = "({{ %s }})" % self.pick(["a", "b", "varargs", "kwargs", "caller()", "a ~ b", "m%d.name" % depth, "caller is defined"])
            call = self.pick(["{{ %s(%s) }}", "{{ %s(a=%s) }}", "{{ %s(1, %s, 3) }}", "{{ %s(z=%s) }}", "{%% call %s(%s) %%}in{%% endcall %%}", "{%% call(q) %s(*[%s]) %%}{{ q }}{%% endcall %%}"])
            return block("macro %s(%s)" % (name, parameters)) + inner + self.body(depth + 1) + block("endmacro") + call % (name, self.value())
        if kind == 10:
            return block("with v = %s, w = 2" % self.value()) + "{{ v }}{{ w }}" + self.body(depth) + block("endwith")
        if kind == 11:
            return block("set ns = namespace(n=0)") + block("for i in [1,2,3]") + block("set ns.n = ns.n + i") + block("endfor") + "{{ ns.n }}" + self.body(depth)
        return self.pick(
            [
                block("filter " + self.pick(["upper", "replace('a','b')|title", "indent(1)", "trim"])) + self.body(depth) + block("endfilter"),
                block("for x in [1,[2,[3]],4] recursive") + "{% if x is iterable %}<{{ loop(x) }}>{% else %}{{ x }}:{{ loop.depth }}{% endif %}" + block("endfor"),
                block("set a, b = %s, %s" % (self.value(), self.value())) + "{{ a }}{{ b }}",
                block("set g = messages|map(attribute='role')") + "{{ g|join }}|{{ g|join }}{% if g %}t{% endif %}",
                block("generation") + self.body(depth) + block("endgeneration"),
            ]
        )

    def body(self, depth):
        parts = []
        for _ in range(self.random.randrange(1, 3)):
            parts.append(self.pick(SPACES))
            parts.append(self.statement(depth + 1))
        parts.append(self.pick(SPACES))
        return "".join(parts)

    def template(self):
        if self.random.random() < 0.6:
            return "{{ " + self.expression() + " }}"
        return self.body(0)


def main():
    warnings.simplefilter("ignore")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    generator = Generator(seed)
    jinja = environment()
    cases = []
    seen = set()
    while len(cases) < count:
        template = generator.template()
        if template in seen:
            continue
        seen.add(template)
        case = {"name": template[:40], "template": template}
        try:
            text = jinja.from_string(template).render(
                messages=MESSAGES, tools=None, documents=None, add_generation_prompt=True, bos_token="<s>", eos_token="</s>"
            )
            text.encode("utf-8")
            if len(text) > 5000 or re.search(r"\dj\)", text, re.IGNORECASE):
                continue  # too long, or a complex number
            if re.search(" at 0x|<function|<bound method|<built-in", text, re.IGNORECASE):
                case["fails"] = True
            else:
                case["text"] = text
        except Exception as failure:
            case["fails"] = True
            case["why"] = (type(failure).__name__ + ": " + str(failure))[:120]
        cases.append(case)
    (HERE / "fuzz.json").write_text(json.dumps({"messages": MESSAGES, "cases": cases}, ensure_ascii=True, indent=0) + "\n")
    print(count, "templates,", sum("fails" in case for case in cases), "of which fail")


if __name__ == "__main__":
    main()
