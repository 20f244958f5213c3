"""lm_eval as it is published, against a server of abacus-ar and one of abacus-mdm: what they score and write, beside the same checkpoint in PyTorch in double precision.

    palimpsest serve models/abacus-ar --port 8001 & palimpsest serve models/abacus-mdm --port 8002 &
    python tests/clients/lm_eval/run.py http://127.0.0.1:8001 http://127.0.0.1:8002
"""

import argparse
import json
import pathlib
import random
import tempfile
import urllib.request

import lm_eval
import torch
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parents[2] / "models"


def problems(count):
    lines = (MODELS / "abacus" / "eval.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[:count]]


def write_tasks(folder, count):
    """The tasks with the held-out problems as their data; a choice is among the right working and three whose answer is another."""
    chance = random.Random(0)
    choices = []
    for each in problems(count):
        right = each["worked"]
        wrong = [right[: right.rindex(" ") + 1] + str(int(each["answer"]) + other) for other in (1, 10, -3)]
        options = [right, *wrong]
        chance.shuffle(options)
        # The template of abacus-ar, spelled out: a completion has none.
        prompt = f"<|user|> {each['prompt']}<|assistant|>"
        choices.append({"prompt": prompt, "choices": options, "right": options.index(right)})
    writing = [{"prompt": each["prompt"], "answer": each["answer"]} for each in problems(count)]
    for name, rows in (("choice", choices), ("write", writing)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for path in HERE.glob("abacus_*.yaml"):
        (folder / path.name).write_text(path.read_text().replace("test: ", f"test: {folder}/"))
    (folder / "answers.py").write_text((HERE / "answers.py").read_text())
    return choices


def evaluate(model, arguments, task, folder, **more):
    found = lm_eval.simple_evaluate(
        model=model, model_args=arguments, tasks=[task], task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        log_samples=True, bootstrap_iters=0, **more)
    return found["results"][task], found["samples"][task]


def log_likelihoods(model, prompt, continuations, encode):
    """Of each continuation behind the prompt, and whether it is the model's first choice all along."""
    found = []
    for text in continuations:
        before, after = encode(prompt), encode(text)
        with torch.inference_mode():
            logits = model(torch.tensor([before + after])).logits[0, len(before) - 1 : -1].log_softmax(-1)
        picked = logits.gather(1, torch.tensor(after)[:, None])[:, 0]
        found.append((picked.sum().item(), bool((logits.argmax(-1) == torch.tensor(after)).all())))
    return found


def asked(url, ids):
    """The sum that the server itself gives for the tokens behind the first of the two lists, asked without a harness."""
    before, after = ids
    body = {"prompt": before + after, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
    request = urllib.request.Request(f"{url}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        logprobs = json.load(answer)["choices"][0]["logprobs"]["token_logprobs"]
    return sum(logprobs[len(before) : len(before) + len(after)])


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("causal")
    parse.add_argument("masked")
    parse.add_argument("--limit", type=int, default=50)
    arguments = parse.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        choices = write_tasks(folder, arguments.limit)
        tokens = PreTrainedTokenizerFast(tokenizer_file=str(MODELS / "abacus-ar" / "tokenizer.json"))
        encode = lambda text: tokens.encode(text, add_special_tokens=False)
        torch_model = AutoModelForCausalLM.from_pretrained(MODELS / "abacus-ar", dtype=torch.float64)

        remote = f"model=abacus-ar,base_url={arguments.causal}/v1/completions,num_concurrent=8,tokenizer_backend=remote,tokenized_requests=True"
        score, samples = evaluate("local-completions", remote, "abacus_choice", folder)
        most = own = rounding = 0.0
        single = AutoModelForCausalLM.from_pretrained(MODELS / "abacus-ar", dtype=torch.float32)
        for sample in samples:
            doc = sample["doc"]
            texts = [" " + each for each in doc["choices"]]
            expected = log_likelihoods(torch_model, doc["prompt"], texts, encode)
            rounded = log_likelihoods(single, doc["prompt"], texts, encode)
            for text, (response,), (value, greedy), (other, _) in zip(texts, sample["resps"], expected, rounded):
                most = max(most, abs(float(response[0]) - value))
                rounding = max(rounding, abs(other - value))
                own = max(own, abs(float(response[0]) - asked(arguments.causal, (encode(doc["prompt"]), encode(text)))))
                assert str(response[1]) == str(greedy), (doc, response, greedy)
        print(f"multiple choice: accuracy {score['acc,none']:.2f} over {len(samples)}")
        print(f"log-likelihoods: within {own:.1e} of the server's own, {most:.1e} of PyTorch's in float64, where PyTorch's in float32 are within {rounding:.1e}")
        assert own < 1e-6 and most < 1e-3

        for kind, path in (("local-chat-completions", "chat/completions"),):
            chat = f"model=abacus-mdm,base_url={arguments.masked}/v1/{path},num_concurrent=4"
            score, samples = evaluate(kind, chat, "abacus_write", folder, apply_chat_template=True)
            print(f"{kind}: accuracy {score['acc,answer']:.2f} over {len(samples)}")


if __name__ == "__main__":
    main()
