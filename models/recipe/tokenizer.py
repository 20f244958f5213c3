"""The tokenizer of a task: whole words with their leading space, digits one by one. python tokenizer.py TASK FOLDER writes it."""

import json
import pathlib
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

import problems

SPECIAL = ["<|unk|>", "<|user|>", "<|assistant|>", "<|end|>", "<|mask|>"]
UNKNOWN, USER, ASSISTANT, END, MASK = range(5)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|> {{ message['content'] }}"
    "{% else %}<|assistant|>{{ message['content'] }}<|end|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tokenizer(task):
    vocabulary = {piece: number for number, piece in enumerate(SPECIAL + task.pieces())}
    result = Tokenizer(models.WordLevel(vocabulary, unk_token="<|unk|>"))
    result.pre_tokenizer = pre_tokenizers.Split(Regex(task.PATTERN), behavior="isolated")
    result.decoder = decoders.Fuse()
    result.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return result


def write(task, folder):
    tokenizer(task).save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<|unk|>",
        "eos_token": "<|end|>",
        "pad_token": "<|end|>",
        "mask_token": "<|mask|>",
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    write(problems.task(sys.argv[1]), pathlib.Path(sys.argv[2]))
